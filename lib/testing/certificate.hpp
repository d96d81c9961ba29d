#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace parley::testing {

/// A server's certificate and key and the CA that signed it, as PEM.
struct server_identity {
    std::string ca_pem; ///< empty when it came from files
    std::string certificate_pem;
    std::string key_pem;
};

/// Makes a CA and a certificate for these names and addresses, in memory; `DNS:127.0.0.1` is an
/// address that is written as a name. `subject` is its common name. Throws `std::runtime_error`.
server_identity make_identity(const std::vector<std::string>& names, std::chrono::seconds from,
                              std::chrono::seconds until,
                              const std::string& subject = "parley test server");

/// Reads PEM files. Throws `std::runtime_error`, naming the file that cannot be read.
server_identity read_identity(const std::string& certificate_file, const std::string& key_file);

} // namespace parley::testing
