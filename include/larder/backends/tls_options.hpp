/// \file tls_options.hpp
/// TlsOptions: how a backend's connections are encrypted, and whom they trust.
#pragma once

#include <string>

namespace larder {

/// Off unless `enabled`. The server's certificate is verified, its name included, unless `verify` says otherwise.
struct TlsOptions {
  bool enabled = false;
  /// Whether a server must prove who it is. Without, whoever sits in between can read and change everything.
  bool verify = true;
  /// The authorities to trust, as a PEM file or a folder of them; both empty means those of the system.
  std::string ca_file{};
  std::string ca_folder{};
  /// The name that the server's certificate must bear, and that it is asked for (SNI); empty means the host.
  std::string server_name{};
  /// Who we are, where the server wants to know: PEM files.
  std::string certificate_file{};
  std::string key_file{};
};

}  // namespace larder
