// Lines of the control socket: refused with a UsageError, whose reply is one line that a terminal
// may show, or taken apart into what a server may be asked.
#include "poetry-server/control_line.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/error.hpp"
#include "faults/fault_spec.hpp"
#include "property.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace poetry;
  using What = server::ControlLine::What;
  using poetry::fuzz::must_hold;
  const std::string text(data, data + size);
  const auto reply = server::reply_to([&text]() -> std::string {
    const auto line = server::parse_control_line(text);
    const bool changes = line.what == What::fault || line.what == What::delay;
    must_hold(!changes || line.port > 0, "a change is of a port");
    must_hold(line.what != What::close || line.number > 0, "a connection has a number");
    if (line.what == What::fault) faults::parse_faults(line.faults);
    if (line.what == What::delay) must_hold(!line.delay.empty(), "a delay is some");
    return "ok";
  });
  must_hold(reply == "ok" || reply.starts_with("error: "), "it is taken or refused");
  must_hold(std::ranges::none_of(reply, [](unsigned char c) { return c < ' ' || c == 127; }),
            "a reply is one harmless line");
  return 0;
}
