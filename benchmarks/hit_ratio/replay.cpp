/// \file replay.cpp
/// How many requests would a cache of this size have answered? Replays a recorded trace to find out.
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "options.hpp"
#include "progress_bar.hpp"
#include "report.hpp"
#include "simulation.hpp"
#include "trace.hpp"

using namespace larder::replay;

namespace {

/// The last error of the operating system, as the end of a message.
std::string reason() { return errno == 0 ? "" : std::string(": ") + std::strerror(errno); }

void print(std::string_view text) {
  errno = 0;
  std::cout << text << std::flush;
  if (!std::cout) throw std::runtime_error("cannot write to standard output" + reason());
}

/// To a file, or to standard output for "-".
void write(const std::string& name, const std::string& text) {
  if (name == "-") return print(text);
  errno = 0;
  std::ofstream out(name, std::ios::binary);
  out << text;
  out.close();  // a full disk may show only here
  if (!out) throw std::runtime_error("cannot write " + plain_text(name) + reason());
}

Trace read(const Options& options, ProgressBar& bar) {
  const LineFormat format = options.whole_lines ? LineFormat::whole_lines : LineFormat::fields;
  const auto show = [&bar](std::uint64_t bytes) { bar.update(bytes); };
  if (options.file == "-") {
    std::ios::sync_with_stdio(false);
    bar.start("reading", 0);
    return read_trace(std::cin, "standard input", format, show);
  }
  std::error_code error;
  if (std::filesystem::is_directory(options.file, error)) {
    throw TraceError("cannot read " + plain_text(options.file) + ": it is a folder");
  }
  errno = 0;
  std::ifstream in(options.file, std::ios::binary);
  if (!in) throw TraceError("cannot read " + plain_text(options.file) + reason());
  // Unknown of a pipe, say.
  const auto size = std::filesystem::file_size(options.file, error);
  bar.start("reading", error ? 0 : size);
  return read_trace(in, options.file, format, show);
}

Report replay(const Options& options, ProgressBar& bar) {
  const Trace trace = read(options, bar);
  Report report{trace.summary, choose_mode(options, trace.summary),
                options.rate, options.promotion_interval, {}};
  for (const Capacity& capacity : options.capacities) {
    bar.start(
        "capacity " + std::to_string(report.results.size() + 1) + " of " + std::to_string(options.capacities.size()),
        trace.requests.size());
    report.results.push_back(
        simulate(trace, report.mode, capacity, {.rate = options.rate, .promotion_interval = options.promotion_interval},
                 [&bar](std::uint64_t done) { bar.update(done); }));
  }
  return report;
}

void run(const Options& options) {
  ProgressBar bar(std::cerr, ::isatty(STDERR_FILENO) == 1);
  const Report report = replay(options, bar);
  bar.erase();
  if (options.json != "-" && options.svg != "-") print(headline(report) + "\n" + table(report));
  if (!options.json.empty()) write(options.json, json(report));
  if (!options.svg.empty()) write(options.svg, svg(chart(report)));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::vector<std::string_view> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    const Options options = parse_options(arguments);
    if (options.help) {
      print(help_text);
    } else {
      run(options);
    }
    return 0;
  } catch (const UsageError& error) {
    std::cerr << "replay: " << error.what() << "\nTry replay --help\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "replay: " << error.what() << '\n';
    return 1;
  }
}
