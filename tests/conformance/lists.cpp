#include "conformance/lists.hpp"

#include <array>
#include <iostream>
#include <ostream>
#include <system_error>

#include "conformance/toy_engine.hpp"
#include "conformance/toy_service.hpp"
#include "session/services.hpp"

namespace poetry::conformance {
namespace {

using namespace std::chrono_literals;

/// The first lines of RFC 864.
const std::string characters =
    " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg\r\n"
    "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefgh\r\n"
    "\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghi\r\n";

std::shared_ptr<session::Service> serve(const std::string& spec) {
  return session::make_service(session::parse_service(spec, {}), {});
}

/// Three lines of a client's own, as its session says them where nobody is in between.
std::string random_beginning(std::uint64_t seed) {
  const auto service = serve("poem:random,delay=1s");
  const auto session = service->open({1, seed}, base::TimePoint{});
  std::string text;
  for (base::TimePoint now{}; now < base::TimePoint{3s};) {
    const auto step = session->next(now);
    if (const auto* listen = std::get_if<session::Listen>(&step)) {
      now = std::max(now, listen->until);
    } else {
      text += std::get<session::Write>(step).bytes;
    }
  }
  return text;
}

/// Engines that only the tests have.
struct EngineMaker {
  std::string_view name;
  engine::Engine (*make)();
};
constexpr std::array toy_engines{EngineMaker{"toy", make_toy_engine}};

}  // namespace

const std::vector<ServiceCase>& every_service() {
  static const std::vector<ServiceCase> cases{
      {"Poem",
       [](const support::TemporaryDirectory& at) {
         return serve("poem:" + at.write("poem", "a\r\nb\n\nno newline") + ",delay=5ms");
       },
       "input that nobody reads", "a\r\nb\n\nno newline", 20ms},
      {"PoemAwaited",
       [](const support::TemporaryDirectory& at) {
         return serve("poem:" + at.write("poem", "a\r\nb\n\nno newline") + ",delay=5ms");
       },
       "GET / HTTP/1.0\r\n\r\n", "a\r\nb\n\nno newline", 20ms, Stream::own,
       session::Requests{{"\r\n\r\n"}}},
      {"PoemAtARate",
       [](const support::TemporaryDirectory& at) {
         return serve("poem:" + at.write("poem", "a\r\nb\n\nno newline") + ",rate=1kB");
       },
       "input that nobody reads", "a\r\nb\n\nno newline", 20ms},
      {"PoemOverATime",
       [](const support::TemporaryDirectory& at) {
         return serve("poem:" + at.write("poem", "a\r\nb\n\nno newline") + ",duration=20ms");
       },
       "input that nobody reads", "a\r\nb\n\nno newline", 20ms},
      {"PoemRandom",
       [](const support::TemporaryDirectory&) { return serve("poem:random,delay=5ms"); },
       "input that is thrown away",
       "",
       10ms,
       Stream::endless,
       {},
       random_beginning},
      {"Discard", [](const support::TemporaryDirectory&) { return serve("discard"); }, "one\r\ntwo",
       ""},
      {"Chargen", [](const support::TemporaryDirectory&) { return serve("chargen,delay=5ms"); },
       "input that is thrown away", characters, 10ms, Stream::endless},
      {"ChargenAtOnce",
       [](const support::TemporaryDirectory&) { return serve("chargen,delay=0,chunk=20B"); },
       "input that is thrown away", characters, 0ms, Stream::endless},
      {"Echo", [](const support::TemporaryDirectory&) { return serve("echo"); },
       "one\r\ntwo\n\nthree", "one\r\ntwo\n\nthree"},
      {"Weblog",
       [](const support::TemporaryDirectory& at) {
         const auto log = at.write("access.log", "one\ntwo\nthree\nfour\n");
         return serve("weblog:" + log + ",format=xml,backlog=3");
       },
       "",
       "<hits>\n<unparsed>two</unparsed>\n<unparsed>three</unparsed>\n"
       "<unparsed>four</unparsed>\n</hits>\n"},
      {"Fibonacci",
       [](const support::TemporaryDirectory& at) { return serve("fibonacci:" + at / "state"); },
       "one\n\nand one more\n", "1\n2\n3\n5\n8\n13\n21\n34\n55\n", 0ms, Stream::shared},
      {"Catalog",
       [](const support::TemporaryDirectory&) {
         const auto entries = [] {
           return std::vector<session::CatalogEntry>{{"127.0.0.1", 7, "echo", "echo", nullptr}};
         };
         return session::make_service(session::parse_service("catalog", {}), {entries});
       },
       "GET / HTTP/1.0\r\n\r\n",
       "[{\"host\": \"127.0.0.1\", \"port\": 7, \"service\": \"echo\", \"name\": \"echo\"}]\n"},
      {"Metrics",
       [](const support::TemporaryDirectory&) {
         return session::make_service(session::parse_service("metrics", {}),
                                      {.metrics = [] { return std::string("poems_total 7\n"); }});
       },
       "GET / HTTP/1.0\r\n\r\n",
       "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
       "Content-Length: 14\r\nConnection: close\r\n\r\npoems_total 7\n"},
      {"Countdown",
       [](const support::TemporaryDirectory&) { return std::make_shared<Countdown>(5ms); },
       "2\n1\n", "2\n1\n0\n1\n0\n", 20ms},
  };
  return cases;
}

std::ostream& operator<<(std::ostream& out, const ServiceCase& service) {
  return out << service.name;
}

std::vector<std::string> every_engine() {
  std::vector<std::string> names;
  for (const auto& name : engine::engine_names()) {
    try {
      engine::make_engine(name);
      names.push_back(name);
    } catch (const std::system_error& refused) {
      std::cerr << name << " is left out: " << refused.what() << '\n';
    }
  }
  for (const auto& toy : toy_engines) names.emplace_back(toy.name);
  return names;
}

engine::Engine make_listed_engine(const std::string& name) {
  for (const auto& toy : toy_engines) {
    if (toy.name == name) return toy.make();
  }
  return engine::make_engine(name);
}

}  // namespace poetry::conformance
