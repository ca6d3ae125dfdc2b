// What the ports have done, as text: for the log, the control socket and the metrics service. The
// figures are those of all processes.
#pragma once

#include <boost/json/array.hpp>
#include <span>
#include <string>

#include "engine/engine.hpp"

namespace poetry::server {

/// Each port's figures, beside where it is.
boost::json::array port_statistics(std::span<const engine::Port> ports);

/// The same in Prometheus's text format 0.0.4, a line a figure and port.
std::string prometheus_text(std::span<const engine::Port> ports);

/// The connections that an engine holds here, of all ports.
boost::json::array connection_list(engine::Connections& connections);

}  // namespace poetry::server
