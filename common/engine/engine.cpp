#include "engine/engine.hpp"

#include "base/error.hpp"

namespace poetry {

std::string_view to_string(Reason reason) {
  switch (reason) {
    case Reason::finished:
      return "finished";
    case Reason::peer_closed:
      return "peer-closed";
    case Reason::peer_reset:
      return "peer-reset";
    case Reason::send_timeout:
      return "send-timeout";
    case Reason::fault:
      return "fault";
    case Reason::shutdown:
      break;
  }
  return "shutdown";
}

std::vector<std::string> engine_names() { return {"asio"}; }

std::unique_ptr<Engine> make_engine(std::string_view name) {
  if (name == "asio") return make_asio_engine();
  throw UsageError("unknown engine (valid: asio)", name);
}

}  // namespace poetry
