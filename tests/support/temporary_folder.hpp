/// \file temporary_folder.hpp
/// A folder that goes away with all that is in it.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "tests/support/sockets.hpp"

namespace larder_tests {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    const char* parent = std::getenv("TMPDIR");
    // The path of a unix socket in it must stay below 108 characters.
    path_ = parent != nullptr && std::string(parent).size() < 60 ? parent : "/tmp";
    path_ += "/larder-XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) throw_system_error("mkdtemp " + path_);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const noexcept { return path_; }
  std::string path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace larder_tests
