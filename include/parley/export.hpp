#pragma once

/// Marks what the headers promise: the libraries hide every other symbol.
#if defined(__GNUC__)
#define PARLEY_EXPORT __attribute__((visibility("default")))
#else
#define PARLEY_EXPORT
#endif
