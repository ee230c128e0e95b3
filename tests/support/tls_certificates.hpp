/// \file tls_certificates.hpp
/// Certificates, good and bad, that `openssl` makes for the tests.
#pragma once

#include <fstream>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/temporary_folder.hpp"

namespace larder_tests {

/// Paths of two PEM files.
struct TlsCertificate {
  std::string certificate;
  std::string key;
};

/// They live, and are valid, for a day, or as long as this object.
class TlsCertificates {
 public:
  static bool available() {
    static const bool found = !find_program("openssl").empty();
    return found;
  }

  /// Some 100 ms. Throws std::runtime_error with what `openssl` says if it fails.
  TlsCertificates() {
    std::ofstream(folder_.path("configuration")) << "[req]\ndistinguished_name = name\n[name]\n";
    request({"-x509", "-addext", "basicConstraints=critical,CA:TRUE"}, "larder's authority", ca_);
    sign(server, "localhost", local_);
    sign(wrong_host, "elsewhere.invalid", "subjectAltName=DNS:elsewhere.invalid");
    sign(client, "client", "extendedKeyUsage=clientAuth");
    request({"-x509", "-addext", local_}, "localhost", self_signed);
    make_expired();
  }
  TlsCertificates(const TlsCertificates&) = delete;
  TlsCertificates& operator=(const TlsCertificates&) = delete;

 private:
  TemporaryFolder folder_;
  const std::string local_ = "subjectAltName=DNS:localhost,IP:127.0.0.1";

  TlsCertificate named(const std::string& name) const {
    return {folder_.path(name + ".crt"), folder_.path(name + ".key")};
  }

  const TlsCertificate ca_ = named("authority");

 public:
  const std::string authority = ca_.certificate;            ///< that signed all but `self_signed`
  const TlsCertificate server = named("server");            ///< of localhost and 127.0.0.1
  const TlsCertificate wrong_host = named("wrong_host");    ///< of elsewhere.invalid
  const TlsCertificate self_signed = named("self_signed");  ///< of localhost and 127.0.0.1, but nobody vouches for it
  const TlsCertificate expired = named("expired");          ///< of localhost and 127.0.0.1, until yesterday
  const TlsCertificate client = named("client");            ///< for a client to show

 private:
  void openssl(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "openssl");
    run_program(arguments, folder_.path("log"));
  }
  void request(const std::vector<std::string>& options, const std::string& name, const TlsCertificate& into) const {
    std::vector<std::string> all{"req", "-config",  folder_.path("configuration"),  "-new",  "-newkey",
                                 "ec",  "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"};
    all.insert(all.end(), {"-subj", "/CN=" + name, "-keyout", into.key, "-out", into.certificate});
    all.insert(all.end(), options.begin(), options.end());
    openssl(all);
  }
  void sign(const TlsCertificate& into, const std::string& name, const std::string& extension) const {
    request({"-x509", "-CA", ca_.certificate, "-CAkey", ca_.key, "-addext", extension}, name, into);
  }
  void make_expired() const {
    const std::string asked = folder_.path("expired.request");
    request({"-addext", local_}, "localhost", {asked, expired.key});
    openssl({"x509", "-req", "-in", asked, "-CA", ca_.certificate, "-CAkey", ca_.key, "-CAcreateserial", "-days", "-1",
             "-copy_extensions", "copy", "-out", expired.certificate});
  }
};

/// Made when they are first asked for.
inline const TlsCertificates& tls_certificates() {
  static const TlsCertificates certificates;
  return certificates;
}

/// Whether a test must go without certificates, which it says then: `if (skipped_without_openssl()) return;`.
inline bool skipped_without_openssl() {
  if (!TlsCertificates::available()) WARN("skipped: openssl is not installed");
  return !TlsCertificates::available();
}

}  // namespace larder_tests
