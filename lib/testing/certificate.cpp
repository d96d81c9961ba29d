#include "testing/certificate.hpp"

#include <boost/asio/ip/address.hpp>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>

namespace parley::testing {
namespace {

template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using extension_ptr = std::unique_ptr<X509_EXTENSION, freed_by<X509_EXTENSION_free>>;
using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free_all>>;

/// Passes success through.
template <class T>
T checked(T result, const char* what) {
    if (!result) {
        ERR_clear_error();
        throw std::runtime_error(std::string("cannot make a certificate: ") + what);
    }
    return result;
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const extension_ptr extension(
        checked(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()), "extension"));
    checked(X509_add_ext(certificate, extension.get(), -1), "extension");
}

void name_it(X509* certificate, const std::string& name) {
    X509_NAME* subject = X509_get_subject_name(certificate);
    const auto* bytes = reinterpret_cast<const unsigned char*>(name.c_str());
    checked(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, bytes, -1, -1, 0), "name");
}

certificate_ptr blank(EVP_PKEY* key, const std::string& name, std::chrono::seconds from,
                      std::chrono::seconds until) {
    certificate_ptr certificate(checked(X509_new(), "allocation"));
    checked(X509_set_version(certificate.get(), X509_VERSION_3), "version");
    std::uint32_t serial = 0;
    checked(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1, "random");
    checked(ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial % 0x7fffffff + 1),
            "serial number");
    checked(X509_gmtime_adj(X509_getm_notBefore(certificate.get()), from.count()), "time");
    checked(X509_gmtime_adj(X509_getm_notAfter(certificate.get()), until.count()), "time");
    checked(X509_set_pubkey(certificate.get(), key), "key");
    name_it(certificate.get(), name);
    return certificate;
}

void sign(X509* certificate, X509* issuer, EVP_PKEY* key) {
    checked(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)), "issuer");
    checked(X509_sign(certificate, key, EVP_sha256()), "signature");
}

std::string contents(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return std::string(data, static_cast<std::size_t>(size));
}

std::string pem_of(X509* certificate) {
    const bio_ptr bio(checked(BIO_new(BIO_s_mem()), "allocation"));
    checked(PEM_write_bio_X509(bio.get(), certificate), "PEM");
    return contents(bio.get());
}

std::string pem_of(EVP_PKEY* key) {
    const bio_ptr bio(checked(BIO_new(BIO_s_mem()), "allocation"));
    checked(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr), "PEM");
    return contents(bio.get());
}

std::string alternative_names(const std::vector<std::string>& names) {
    std::string list;
    for (const std::string& name : names) {
        boost::system::error_code not_an_address;
        boost::asio::ip::make_address(name, not_an_address);
        list += list.empty() ? "" : ",";
        if (!name.starts_with("DNS:")) list += not_an_address ? "DNS:" : "IP:";
        list += name;
    }
    return list;
}

std::string read_file(const std::string& name) {
    std::ifstream file(name, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    if (!file || text.empty()) {
        throw std::runtime_error("cannot read the file " + name);
    }
    return text;
}

} // namespace

server_identity make_identity(const std::vector<std::string>& names, std::chrono::seconds from,
                              std::chrono::seconds until, const std::string& subject) {
    constexpr std::chrono::hours ca_from{-48};
    constexpr std::chrono::hours ca_until{24 * 365};
    const key_ptr ca_key(checked(EVP_EC_gen("P-256"), "key"));
    const certificate_ptr ca = blank(ca_key.get(), "parley test authority", ca_from, ca_until);
    add_extension(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE");
    add_extension(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension(ca.get(), ca.get(), NID_subject_key_identifier, "hash");
    sign(ca.get(), ca.get(), ca_key.get());

    const key_ptr key(checked(EVP_EC_gen("P-256"), "key"));
    const certificate_ptr leaf = blank(key.get(), subject, from, until);
    add_extension(leaf.get(), ca.get(), NID_basic_constraints, "critical,CA:FALSE");
    add_extension(leaf.get(), ca.get(), NID_key_usage, "critical,digitalSignature");
    add_extension(leaf.get(), ca.get(), NID_ext_key_usage, "serverAuth");
    if (!names.empty()) {
        add_extension(leaf.get(), ca.get(), NID_subject_alt_name, alternative_names(names));
    }
    sign(leaf.get(), ca.get(), ca_key.get());
    return {pem_of(ca.get()), pem_of(leaf.get()), pem_of(key.get())};
}

server_identity read_identity(const std::string& certificate_file, const std::string& key_file) {
    return {{}, read_file(certificate_file), read_file(key_file)};
}

} // namespace parley::testing
