/// \file monitoring.cpp
/// A cache at work, and an HTTP server that tells Prometheus what it does: on loopback, at /metrics, and as JSON at
/// /metrics.json. For Grafana there is a dashboard: monitoring/dashboard.json.
///
///     monitoring [PORT [SECONDS]]     any free port, and 2 seconds, unless told otherwise
#include <larder/larder.hpp>

#include <httplib.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <thread>

/// Asks for popular keys often and for others seldom, and stores what is missing: as long as it lives.
class Visitors {
 public:
  explicit Visitors(larder::CacheBackend<>& cache) : cache_(cache), thread_([this] { visit(); }) {}
  ~Visitors() {
    stopped_ = true;
    thread_.join();
  }

 private:
  void visit() {
    std::mt19937_64 random(1);
    std::uniform_real_distribution<double> uniform(0, 1);
    for (std::size_t i = 0; !stopped_; ++i) {
      const std::string key = "page:" + std::to_string(static_cast<int>(std::pow(100'000, uniform(random))));
      if (!cache_.get(key)) cache_.set(key, std::string(1'000, 'x'), std::chrono::minutes(10));
      if (i % 1'000 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  larder::CacheBackend<>& cache_;
  std::atomic<bool> stopped_{false};
  std::thread thread_;
};

void serve(httplib::Server& server, const larder::MetricsRegistry& registry) {
  server.Get("/metrics", [&registry](const httplib::Request& request, httplib::Response& response) {
    if (request.get_header_value("Accept").find("application/openmetrics-text") != std::string::npos) {
      response.set_content(larder::open_metrics_text(registry), larder::open_metrics_content_type);
    } else {
      response.set_content(larder::prometheus_text(registry), larder::prometheus_content_type);
    }
  });
  server.Get("/metrics.json", [&registry](const httplib::Request&, httplib::Response& response) {
    response.set_content(larder::metrics_json(registry), "application/json");
  });
}

int main(int argc, char** argv) {
  const int wanted_port = argc > 1 ? std::atoi(argv[1]) : 0;
  const std::chrono::seconds seconds(argc > 2 ? std::atoi(argv[2]) : 2);

  // The cache, with a listener that measures how old entries are that leave, and the layer that measures the rest.
  const larder::RemovalObserver<> removals;
  const auto cache = std::make_shared<larder::InMemoryBackend<>>(
      larder::InMemoryOptions<>{.max_size_bytes = 8 << 20, .on_removal = removals});
  const auto pages =
      std::make_shared<larder::ObservedBackend<>>(cache, larder::ObservedOptions<>{.removals = removals});
  larder::MetricsRegistry registry;
  registry.add("pages", pages, {{"service", "shop"}});

  httplib::Server server;
  serve(server, registry);
  const int port = wanted_port != 0 && server.bind_to_port("127.0.0.1", wanted_port)
                       ? wanted_port
                       : (wanted_port == 0 ? server.bind_to_any_port("127.0.0.1") : -1);
  if (port < 0) {
    std::cerr << "monitoring: port " << wanted_port << " is not to be had\n";
    return EXIT_FAILURE;
  }
  std::thread serving([&server] { server.listen_after_bind(); });
  std::cout << "http://127.0.0.1:" << port << "/metrics, for " << seconds.count() << " s" << std::endl;
  {
    const Visitors visitors(*pages);
    std::this_thread::sleep_for(seconds);
  }

  // As Prometheus does it.
  const auto answer = httplib::Client("127.0.0.1", port).Get("/metrics");
  const bool served =
      answer && answer->status == 200 && answer->body.find("larder_cache_hits_total") != std::string::npos;
  server.stop();
  serving.join();
  const larder::CacheObservation seen = pages->observe();
  const larder::Histogram& get = seen.of(larder::CacheOperation::get).latency;
  std::cout << std::fixed << std::setprecision(1) << "hit ratio now: " << seen.stats.hit_rate() * 100 << " %, of "
            << seen.stats.hits + seen.stats.misses << " requests; get takes " << get.percentile(0.5) << " ns (p50), "
            << get.percentile(0.99) << " ns (p99)\nwith other sizes it would be:\n";
  for (const auto& [factor, hit_ratio] : seen.predictions) {
    std::cout << "  " << std::setprecision(2) << factor << " x: " << std::setprecision(1) << hit_ratio * 100 << " %\n";
  }
  std::cout << "entries that leave were not used for " << seen.eviction_age.percentile(0.5) << " ms (p50)\n";
  return served ? EXIT_SUCCESS : EXIT_FAILURE;
}
