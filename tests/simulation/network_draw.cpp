// What a world of the network is made of.
#include <algorithm>
#include <array>

#include "faults/fault_spec.hpp"
#include "session/poem.hpp"
#include "session/services.hpp"
#include "simulation/network_world.hpp"

namespace poetry::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A few texts for all worlds, since each takes calls of the real kernel.
const std::vector<std::shared_ptr<const base::SealedText>>& texts() {
  static const auto made = [] {
    std::vector<std::shared_ptr<const base::SealedText>> list;
    Draw draw(1);
    for (const std::size_t lines : {0, 1, 1, 2, 3, 4, 4, 5, 5, 6, 6, 7, 8, 8, 12, 30, 400}) {
      std::string text;
      for (std::size_t line = 0; line < lines; ++line) {
        const auto longest = draw.of({0U, 10U, 60U, 60U, 3000U});
        for (auto left = draw.below(longest + 1); left > 0; --left)
          text += static_cast<char>('a' + draw.below(26));
        if (line + 1 < lines || !draw.one_in(3)) text += '\n';
      }
      list.push_back(base::SealedText::copy(text));
    }
    return list;
  }();
  return made;
}

std::string form(base::Duration time) {
  return std::to_string(std::chrono::floor<milliseconds>(time).count()) + "ms";
}

}  // namespace

base::Duration Served::due(std::uint64_t offset) const {
  const auto size = lines_before.size() - 1;
  const auto part = offset % size;
  const auto round = static_cast<base::Duration::rep>(offset / size);
  const auto lines_in_all = lines_before.back() + (text.back() == '\n' ? 0U : 1U);
  const auto piece = pacing.chunk == 0 ? lines_before[part] : part / pacing.chunk;
  const auto pieces = pacing.chunk == 0 ? lines_in_all : (size + pacing.chunk - 1) / pacing.chunk;
  const auto first = pacing.first_delay - pacing.jitter;
  if (pacing.rate != 0) {  // in steps of a hundredth of a second, or of a byte
    const auto step = std::max<std::uint64_t>(pacing.rate / 100, 1);
    const auto whole = offset >= step ? offset - step + 1 : 0;
    return first + base::Duration(static_cast<base::Duration::rep>(
                       static_cast<double>(whole) * 1e9 / static_cast<double>(pacing.rate)));
  }
  const auto k = static_cast<base::Duration::rep>(piece);
  const auto in_all = static_cast<base::Duration::rep>(pieces);
  if (pacing.duration != base::Duration{})
    return first + pacing.duration * round + pacing.duration * k / in_all;
  return first + pacing.delay * (k + round * in_all);
}

Expectation Served::expected(std::uint64_t connection) const {
  Expectation wanted{text, Expectation::End::finish};
  // The cut that is for this connection alone goes before the one for all.
  std::string cut;
  for (const auto& fault : faults) {
    const auto own = "#" + std::to_string(connection) + ":";
    const bool is_for_one = fault.starts_with('#');
    if (is_for_one && !fault.starts_with(own)) continue;
    const auto name = is_for_one ? fault.substr(own.size()) : fault;
    if (name.starts_with("corrupt=")) {
      const auto at = std::stoull(name.substr(8));
      if (at < wanted.bytes.size()) wanted.bytes[at] = static_cast<char>(~wanted.bytes[at]);
    } else if (name.find("-after=") != std::string::npos || name == "never-reply") {
      if (cut.empty() || is_for_one) cut = name;
    }
  }
  if (cut.empty()) return wanted;
  const auto end = cut.starts_with("close")   ? Expectation::End::finish
                   : cut.starts_with("reset") ? Expectation::End::abort
                                              : Expectation::End::silence;
  if (cut == "never-reply") return {"", end};
  if (cut.ends_with("ms")) return {wanted.bytes, Expectation::End::any};
  const auto point = std::stoull(cut.substr(cut.find('=') + 1));
  std::size_t size = point;
  if (cut.ends_with("line") || cut.ends_with("lines")) {
    size = 0;
    for (std::uint64_t line = 0; line < point && size != std::string::npos; ++line) {
      size = wanted.bytes.find('\n', size);
      if (size != std::string::npos) ++size;
    }
  }
  if (size > wanted.bytes.size()) return wanted;
  return {wanted.bytes.substr(0, size), end};
}

void NetworkWorld::draw_faults(Served& served) {
  const auto for_whom = [this] {
    return draw_.one_in(3) ? "#" + std::to_string(draw_.between(1, 4)) + ":" : "";
  };
  const auto point = [&]() -> std::string {
    if (draw_.one_in(5)) return form(draw_.duration(seconds(5)));
    if (draw_.one_in(2)) return std::to_string(draw_.below(6)) + "lines";
    return std::to_string(draw_.below(served.text.size() + 20));
  };
  auto& faults = served.faults;
  if (draw_.one_in(3)) {
    const auto name = draw_.of({"close-after=", "reset-after=", "stall-after="});
    faults.push_back(for_whom() + name + point());
  } else if (draw_.one_in(12)) {
    faults.push_back(for_whom() + "never-reply");
  }
  if (draw_.one_in(6) && !served.text.empty())
    faults.push_back(for_whom() + "corrupt=" + std::to_string(draw_.below(served.text.size())));
  if (draw_.one_in(6))
    faults.push_back("slice=" +
                     std::to_string(draw_.between(served.text.size() > 2000 ? 500 : 1, 3000)));
  if (draw_.one_in(6)) faults.push_back("latency=" + form(draw_.duration(milliseconds(300))));
  if (draw_.one_in(8)) faults.push_back("accept-delay=" + form(draw_.duration(seconds(2))));
}

void NetworkWorld::draw_service(std::size_t index) {
  Served& served = served_.emplace_back();
  auto& port = ports_[index];
  std::shared_ptr<session::Service> service;
  served.echo = draw_.one_in(5);
  if (served.echo) {
    service = session::make_service(session::parse_service("echo", {}), {});
  } else {
    auto& pacing = served.pacing;
    const auto& text = texts()[draw_.below(texts().size())];
    const bool is_long = text->bytes().size() > 5000;
    pacing.delay = is_long ? draw_.duration(milliseconds(20)) : draw_.duration(seconds(2));
    pacing.first_delay = draw_.duration(seconds(1));
    pacing.repeat = is_long ? 1 : draw_.of<std::uint64_t>({1, 1, 1, 2, 3});
    if (draw_.one_in(4)) pacing.chunk = draw_.between(is_long ? 500 : 1, 4000);
    if (draw_.one_in(6)) pacing.rate = draw_.between(is_long ? 20000 : 20, 100000);
    if (draw_.one_in(6)) pacing.duration = draw_.duration(seconds(5));
    if (draw_.one_in(5)) pacing.jitter = draw_.duration(milliseconds(500));
    if (pacing.rate != 0) pacing.duration = {};
    if (is_long) narrowest_ = 5000;
    served.lines_before.push_back(0);
    for (const char byte : text->bytes())
      served.lines_before.push_back(served.lines_before.back() + (byte == '\n' ? 1 : 0));
    for (std::uint64_t i = 0; i < pacing.repeat; ++i) served.text += text->bytes();
    service = std::make_shared<session::PoemService>(text, pacing);
  }
  const auto complaint = [this](const std::string& what) { complain(what); };
  const auto due = [&served](std::uint64_t offset) { return served.due(offset); };
  served.inside = std::make_shared<Witness>(std::move(service), slack_,
                                            served.echo ? Witness::Due{} : due, complaint);
  if (draw_.one_in(2)) draw_faults(served);
  auto plan = std::make_shared<const faults::CurrentPlan>(faults::parse_faults(served.faults));
  auto faulty = faults::with_faults(served.inside, std::move(plan), [](const faults::Fired&) {});
  served.outside = std::make_shared<Witness>(std::move(faulty), slack_, Witness::Due{}, complaint);
  port.at = {"0.0.0.0", static_cast<std::uint16_t>(10000 + index)};
  port.service_name = port.name = served.echo ? "echo" : "poem";
  port.service = served.outside;
  port.seed = draw_.number();
  port.counters = std::make_shared<engine::Counters>();
  port.counters->measured = draw_.one_in(2);
  port.quota =
      std::make_shared<engine::Quota>(engine::Quota{draw_.one_in(6) ? draw_.between(1, 4) : 0});
  if (draw_.one_in(2)) port.send_timeout = milliseconds(100) + draw_.duration(seconds(20));
}

void NetworkWorld::draw_server() {
  roughness_ = draw_.of({0U, 0U, 20U, 6U});
  longest_latency_ = draw_.of<base::Duration>(
      {{}, std::chrono::microseconds(50), milliseconds(20), milliseconds(300)});
  const auto cost = std::chrono::nanoseconds(draw_.one_in(4) ? draw_.between(1, 300) : 0);
  kernel_.set_cost(cost);
  early_ = cost * 2000;
  options_.tick = draw_.of<base::Duration>({milliseconds(1), milliseconds(1), milliseconds(20)});
  slack_ = options_.tick + milliseconds(2) + early_;
  options_.drain_timeout = draw_.duration(seconds(10));
  engine_ = draw_.of({"epoll", "poll", "select", "threads"});
  early_end_ = draw_.one_in(8);
  if (draw_.one_in(8)) kernel_.limit(server_process, draw_.between(8, 20));
  ports_.resize(draw_.between(1, 3));
  for (std::size_t i = 0; i < ports_.size(); ++i) draw_service(i);
}

void NetworkWorld::draw_fetch(fetch::FetchOptions& options) {
  options.connect_timeout =
      draw_.one_in(6) ? base::Duration{} : milliseconds(10) + draw_.duration(seconds(10));
  // Some end must come to what is never ended.
  options.idle_timeout = milliseconds(10) + draw_.duration(seconds(30));
  if (draw_.one_in(3)) options.timeout = milliseconds(1) + draw_.duration(seconds(30));
  options.retries = draw_.of<std::uint64_t>({0, 0, 1, 2, 5});
  options.retry_delay = draw_.duration(seconds(2));
  options.backoff = draw_.of({fetch::Backoff::constant, fetch::Backoff::exponential});
  options.seed = draw_.number();
  if (draw_.one_in(10)) options.pace = std::make_shared<fetch::Pace>(draw_.between(1, 1000));
  if (draw_.one_in(8)) options.max_bytes = draw_.between(1, 300);
  if (draw_.one_in(8)) options.until.lines = draw_.between(1, 4);
  if (draw_.one_in(12)) options.until.bytes = draw_.between(1, 300);
  if (draw_.one_in(12)) options.until.text = draw_.of({"\n", "a", "e\n"});
  if (draw_.one_in(8)) options.until_idle = milliseconds(1) + draw_.duration(seconds(3));
  if (draw_.one_in(3)) {
    options.send =
        std::string(draw_.below(draw_.of({3U, 100U, 100U, 1000U, 1000U, 200'000U})), 'x') +
        (draw_.one_in(2) ? "\n" : "");
    if (options.send->size() > 1000) narrowest_ = 5000;
    if (!draw_.one_in(4)) options.after_send = fetch::AfterSend::half_close;
  }
}

net::Address NetworkWorld::address(const Client& client, std::size_t task, unsigned candidate,
                                   bool ipv6, std::uint16_t port) const {
  const auto text = ipv6 ? "fd00::" + std::to_string(client.process) + ":" + std::to_string(task) +
                               ":" + std::to_string(candidate)
                         : "127." + std::to_string(client.process) + "." + std::to_string(task) +
                               "." + std::to_string(candidate);
  return net::resolve_numeric({text, port}).addresses.at(0);
}

fetch::Server NetworkWorld::draw_task(Client& client, std::size_t task) {
  TaskFacts& facts = client.tasks.emplace_back();
  facts.port = draw_.below(ports_.size());
  facts.named = draw_.one_in(5);
  const auto port = ports_[facts.port].at.port;
  auto host =
      facts.named ? "name-" + std::to_string(task) : address(client, task, 0, false, port).host();
  std::shared_ptr<fetch::Details> details;
  if (draw_.one_in(10)) {
    details = std::make_shared<fetch::Details>();
    details->expected.bytes = draw_.one_in(2) ? served_[facts.port].text.size() : draw_.below(300);
  }
  return {{std::move(host), port}, std::move(details)};
}

void NetworkWorld::draw_client() {
  Client& client = clients_.emplace_back(*this, static_cast<Process>(clients_.size() + 2));
  client.strategy = draw_.of({"epoll", "poll", "select", "threads", "sequential"});
  auto& options = client.batch.fetch;
  draw_fetch(options);
  // One after another, each waiting for minutes, would take days.
  if (client.strategy == "sequential" && options.connect_timeout == base::Duration{})
    options.connect_timeout = seconds(10);
  std::vector<fetch::Server> servers;
  const auto count = draw_.between(1, draw_.of({4U, 30U, 80U}));
  for (std::size_t task = 0; task < count; ++task) servers.push_back(draw_task(client, task));
  client.batch.servers = fetch::Servers(std::move(servers));
  client.batch.parallel = draw_.of<std::size_t>({0, 0, 1, 3, 10});
  client.batch.lookup = [&client](const net::HostPort& where, net::Family) {
    return client.look_up(where);
  };
  if (draw_.one_in(8)) client.signalled = scheduler_.now() + draw_.duration(seconds(20));
  client.short_of_descriptors = draw_.one_in(10);
  if (client.short_of_descriptors) kernel_.limit(client.process, draw_.between(6, 14));
}

net::Resolved Client::look_up(const net::HostPort& where) {
  const auto task = std::stoul(where.host.substr(where.host.find('-') + 1));
  TaskFacts& facts = tasks[task];
  facts.looked_up = world_.scheduler_.now();
  Draw& draw = world_.draw_;
  const auto longest = draw.one_in(10) ? seconds(200) : seconds(1);
  world_.scheduler_.wait(world_.scheduler_.now() + draw.duration(longest), [] { return false; });
  facts.lookup_failed = draw.one_in(8);
  net::Resolved found;
  if (facts.lookup_failed) {
    found.error = {1, net::resolve_category()};
    return found;
  }
  const auto count = draw.between(1, 4);
  for (unsigned candidate = 0; candidate < count; ++candidate)
    found.addresses.push_back(world_.address(*this, task, candidate, draw.one_in(2), 0));
  return found;
}

Path NetworkWorld::draw_path(const net::Address& /*to*/) {
  Path path;
  path.latency = draw_.duration(longest_latency_);
  path.overtaking = draw_.one_in(2);
  if (draw_.one_in(3))
    path.per_byte = std::chrono::nanoseconds(draw_.below(draw_.of({20U, 100'000U})));
  if (draw_.one_in(4)) path.window = draw_.between(narrowest_, narrowest_ + 5000);
  if (draw_.one_in(4)) path.buffer = draw_.between(narrowest_, narrowest_ + 5000);
  if (roughness_ != 0 && draw_.one_in(roughness_)) {
    path.fate = draw_.of(
        {Path::Fate::open, Path::Fate::refused, Path::Fate::silent, Path::Fate::unreachable});
    path.lost_handshakes = static_cast<unsigned>(draw_.below(3));
    if (draw_.one_in(3)) path.breaks_after = draw_.duration(seconds(5));
  }
  return path;
}

}  // namespace poetry::simulation
