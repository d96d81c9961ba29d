// The main function for Catch2 2: slow to compile, hence the only thing in this file.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
