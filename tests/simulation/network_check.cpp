// What must hold in every world of the network. The kernel knows what was sent, read and told; the
// witnesses, what was said; from these follows what a record may say.
#include <algorithm>

#include "simulation/network_world.hpp"

namespace poetry::simulation {
namespace {

using fetch::Outcome;

/// Of an address of network_draw.cpp: its last numbers but one, or the last but two.
std::size_t task_of(const net::Address& address) {
  const auto host = address.host();
  const auto last = host.find_last_of(".:");
  const auto before = host.find_last_of(".:", last - 1);
  return std::stoul(host.substr(before + 1, last - before - 1));
}

/// The one that a record tells of; null where it was not connected.
const Link* connection_of(const TaskFacts& facts, const fetch::Record& record) {
  // Between two attempts, it tells of the last one.
  if (record.connected == base::never || record.attempted == base::never) return nullptr;
  const Link* found = nullptr;
  for (const auto* const link : facts.links) {
    if (link->connected != base::never && link->to == record.address &&
        link->begun >= record.attempted)
      found = link;
  }
  return found;
}

}  // namespace

engine::Command NetworkWorld::ended(const engine::Ended& connection) {
  using engine::Reason;
  ++ended_;
  const Link* link = nullptr;
  for (const auto& each : kernel_.links()) {
    if (each.accepted_as == connection.number && each.to.port() == connection.port.at.port)
      link = &each;
  }
  if (link == nullptr) {
    complain("a connection ended that was never accepted");
    return command_;
  }
  const auto index = static_cast<std::size_t>(connection.port.at.port - 10000);
  const auto& all = served_[index].outside->said();
  const auto found = all.find(connection.number);
  const Said said = found == all.end() ? Said{} : found->second;
  const auto reason = connection.reason;
  if (connection.bytes != link->server.bytes_sent)
    complain("the bytes of a connection are counted wrong");
  if (connection.bytes > said.bytes.size()) complain("more was sent than was said");
  const bool all_sent = connection.bytes == said.bytes.size();
  const auto called = std::string(engine::to_string(reason));
  const bool may_be = reason == Reason::finished      ? said.end == Said::End::finish && all_sent
                      : reason == Reason::fault       ? said.end != Said::End::none && all_sent
                      : reason == Reason::peer_closed ? link->server.fin_received
                      : reason == Reason::peer_reset  ? link->server.reset
                      : reason == Reason::send_timeout
                          ? connection.port.send_timeout > base::Duration{} && !all_sent
                      : reason == Reason::shutdown ? command_ != engine::Command::go_on
                                                   : false;
  if (!may_be && !(reason == Reason::fault && found == all.end()))
    complain("a connection ended as " + called + ", which it did not");
  if (!link->server.closed) complain("an ended connection's socket is open");
  return command_;
}

void NetworkWorld::check() {
  for (const auto& link : kernel_.links()) {
    const auto client = static_cast<std::size_t>(link.client_process - 2);
    clients_.at(client).tasks.at(task_of(link.to)).links.push_back(&link);
  }
  check_server();
  for (const auto& client : clients_) {
    if (kernel_.open_descriptors(client.process) != 0) complain("a client left descriptors open");
    for (std::size_t task = 0; task < client.result.records.size(); ++task)
      check_task(client, task);
  }
}

void NetworkWorld::check_server() {
  if (kernel_.open_descriptors(server_process) != 0) complain("the server left descriptors open");
  std::uint64_t accepted = 0;
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    const auto& port = ports_[i];
    const auto& counters = *port.counters;
    std::uint64_t taken = 0;
    std::uint64_t sent = 0;
    for (const auto& link : kernel_.links()) {
      if (link.to.port() != port.at.port || link.accepted_as == 0) continue;
      ++taken;
      sent += link.server.bytes_sent;
    }
    accepted += taken;
    if (counters.accepted != taken || counters.ended != taken)
      complain("a port counts its connections wrong");
    if (counters.bytes_sent != sent) complain("a port counts its bytes wrong");
    if (*port.held != 0 || port.quota->held != 0) complain("a port holds what has ended");
    for (const auto& [number, said] : served_[i].outside->said()) {
      auto wanted = served_[i].expected(number);
      const bool open_ended = served_[i].echo || wanted.end == Expectation::End::any;
      if (served_[i].echo) wanted.bytes = served_[i].faults.empty() ? said.heard : said.bytes;
      if (!wanted.bytes.starts_with(said.bytes))
        complain("what a client is sent is not what is served");
      if (open_ended || said.end == Said::End::none) continue;
      const auto end =
          said.end == Said::End::finish ? Expectation::End::finish : Expectation::End::abort;
      if (end != wanted.end || said.bytes != wanted.bytes)
        complain("a stream did not end as it should");
    }
  }
  if (ended_ != accepted) complain("the host was not told of each end");
}

void NetworkWorld::check_task(const Client& client, std::size_t task) {
  const TaskFacts& facts = client.tasks[task];
  const auto& record = client.result.records[task];
  const auto& options = client.batch.fetch;
  if (record.started == base::never) {
    if (client.signalled == base::never || record.outcome != Outcome::interrupted)
      complain("a task was left out");
    return;
  }
  for (const auto* const link : facts.links) {
    if (!link->client.closed) complain("a client's socket is left open");
  }
  if (!facts.ended) complain("an observer was not told of an end");
  if (record.attempts > options.retries + 1) complain("too many attempts");
  if (record.attempts != facts.retries + 1 && record.attempts != facts.retries)
    complain("attempts are counted wrong");
  if (facts.text.size() != record.bytes) complain("a record's bytes are not those received");
  const auto newlines = static_cast<std::uint64_t>(std::ranges::count(facts.text, '\n'));
  if (record.lines != newlines + (facts.text.empty() || facts.text.back() == '\n' ? 0 : 1))
    complain("lines are counted wrong");
  if (options.timeout != base::Duration{} &&
      record.ended > record.started + options.timeout + slack_)
    complain("a task went on after its time");
  const Link* const link = connection_of(facts, record);
  if (record.attempted != base::never && (link == nullptr) != (record.connected == base::never))
    complain("a record tells of another connection");
  if (link != nullptr && wrong_.empty()) {
    const auto& said = served_[facts.port].outside->said();
    const auto found = said.find(link->accepted_as);
    const std::string bytes = found == said.end() ? "" : found->second.bytes;
    if (!bytes.starts_with(facts.text) && record.attempted != base::never)
      complain("bytes were delivered that were not served");
    if (record.sent != link->client.bytes_sent) complain("what was sent is counted wrong");
  }
  if (wrong_.empty()) check_end(client, facts, record, link);
  if (!wrong_.empty() && wrong_.find(", task ") == std::string::npos)
    wrong_ += ", task " + std::to_string(task) + " of client " + std::to_string(client.process - 2);
}

/// Something came to pass `after` that, and not sooner.
void NetworkWorld::check_time(const std::string& what, base::TimePoint from, base::Duration after,
                              base::TimePoint at) {
  const auto due = base::later(from, after);
  if (at + early_ < due)
    complain(what + " came too early, by " + std::to_string((due - at).count()) + " ns");
  if (at > base::later(due, slack_))
    complain(what + " came too late, by " + std::to_string((at - due).count()) + " ns");
}

void NetworkWorld::check_end(const Client& client, const TaskFacts& facts,
                             const fetch::Record& record, const Link* link) {
  const auto& options = client.batch.fetch;
  const auto& at = record.ended;
  const auto must = [this, &record](bool holds, const char* what) {
    if (!holds)
      complain("a task ended as " + std::string(fetch::name(record.outcome)) + ", " + what);
  };
  switch (record.outcome) {
    case Outcome::ok:
      must(link != nullptr, "though it was never connected");
      if (link != nullptr) check_whole(client, facts, record, *link);
      return;
    case Outcome::limit:
      return must(record.bytes == options.max_bytes, "at another size");
    case Outcome::resolve:
      return must(facts.named && (facts.lookup_failed || client.short_of_descriptors),
                  "though its name was found");
    case Outcome::connect:
      return must(link == nullptr && (client.short_of_descriptors ||
                                      std::ranges::any_of(facts.links,
                                                          [](const Link* each) {
                                                            return each->client.told_error != 0;
                                                          })),
                  "though nobody refused it");
    case Outcome::connect_timeout:
      must(link == nullptr, "though it was connected");
      if (!facts.named)
        check_time("a connect-timeout", record.attempted, options.connect_timeout, at);
      return;
    case Outcome::idle_timeout:
      must(link != nullptr, "though it was never connected");
      if (link == nullptr) return;
      // Of several addresses under way, a blocked thread asks in turn who is connected.
      check_time("an idle-timeout", std::max(link->client.last_progress, record.connected),
                 options.idle_timeout, at);
      return must(link->client.read == link->client.received.size() ||
                      link->client.unread_since + early_ + slack_ >= at,
                  "though something was there to be read");
    case Outcome::timeout:
      return check_time("a timeout", record.started, options.timeout, at);
    case Outcome::reset:
      return must(link != nullptr && link->client.told_error != 0, "though nobody reset it");
    case Outcome::truncated:
      return must(link != nullptr && (link->client.told_end || options.has_an_end()),
                  "though its stream had not ended");
    case Outcome::interrupted:
      return must(client.signalled != base::never && client.signalled <= at, "without a signal");
    default:
      return must(false, "which nothing here leads to");
  }
}

void NetworkWorld::check_whole(const Client& client, const TaskFacts& facts,
                               const fetch::Record& record, const Link& link) {
  const auto& options = client.batch.fetch;
  const auto& marks = options.until;
  const bool marked =
      (marks.lines > 0 && record.lines == marks.lines && facts.text.ends_with('\n')) ||
      (marks.bytes > 0 && record.bytes == marks.bytes) ||
      (!marks.text.empty() && facts.text.ends_with(marks.text));
  if (marked) return;
  if (link.client.told_end) {
    const auto& said = served_[facts.port].outside->said().at(link.accepted_as);
    if (said.end != Said::End::finish)
      complain("a task ended as ok, though its server did not end it");
    if (said.bytes != facts.text) complain("a task ended as ok, though it lacks something");
    return;
  }
  if (options.until_idle == base::Duration{})
    return complain("a task ended as ok, though its stream had not ended");
  check_time("an end by silence", link.client.last_progress, options.until_idle, record.ended);
}

}  // namespace poetry::simulation
