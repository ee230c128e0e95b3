/// \file replay.cpp
/// How many requests would a cache of this size have answered? Replays a recorded trace to find out.
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "options.hpp"
#include "progress_bar.hpp"
#include "report.hpp"
#include "simulation.hpp"
#include "trace.hpp"
#include "trace_file.hpp"
#include "trace_format.hpp"
#include "trace_reader.hpp"

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

TraceFormat chosen_format(const Options& options) {
  if (options.whole_lines) return TraceFormat::whole_lines;
  return options.format.value_or(options.columns ? TraceFormat::csv : format_of(options.file));
}

Trace read(const Options& options, ProgressBar& bar) {
  const TraceFormat format = chosen_format(options);
  const auto show = [&bar](std::uint64_t bytes) { bar.update(bytes); };
  if (options.file == "-") {
    std::ios::sync_with_stdio(false);
    bar.start("reading", 0);
    return read_trace(std::cin, "standard input", format, options.columns, show);
  }
  TraceFile file(options.file);
  bar.start("reading", file.size());
  try {
    Trace trace = read_trace(file.stream(), options.file, format, options.columns, show);
    file.check_end();
    return trace;
  } catch (const TraceError&) {
    if (file.stream().eof()) file.check_end();  // what broke off early makes no sense, either
    throw;
  }
}

Report replay(const Options& options, ProgressBar& bar) {
  const Trace trace = read(options, bar);
  Report report{trace.summary, choose_mode(options, trace.summary), options.rate, options.promotion_interval, {}};
  const std::vector<Policy> policies = policies_in(report.mode, options.policies);
  const std::size_t runs = options.capacities.size() * policies.size();
  for (const Capacity& capacity : options.capacities) {
    for (const Policy policy : policies) {
      bar.start("run " + std::to_string(report.results.size() + 1) + " of " + std::to_string(runs),
                trace.requests.size());
      report.results.push_back(
          simulate(trace, report.mode, capacity,
                   {.policy = policy, .rate = options.rate, .promotion_interval = options.promotion_interval},
                   [&bar](std::uint64_t done) { bar.update(done); }));
    }
  }
  return report;
}

void run(const Options& options) {
  ProgressBar bar(std::cerr, ::isatty(STDERR_FILENO) == 1);
  const Report report = replay(options, bar);
  bar.erase();
  if (options.json != "-" && options.svg != "-") print(headline(report) + "\n" + table(report));
  if (!options.json.empty()) write(options.json, json(report));
  if (!options.svg.empty()) write(options.svg, svg(chart(report, options.plot)));
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
