// Boost.Beast's messages from and to ours. Pure functions.
#pragma once

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "http/guard.hpp"
#include "http/message.hpp"

namespace poetry::sync::http {

using BeastParser = boost::beast::http::request_parser<boost::beast::http::string_body>;
using BeastRequest = BeastParser::value_type;
using BeastResponse = boost::beast::http::response<boost::beast::http::string_body>;

Request request_of(BeastRequest&& from);

/// Of a request whose header has come.
Credentials credentials_of(const BeastRequest& request);

/// Whether another request may follow: to HTTP/1.0 everything ends with its connection.
bool is_kept_alive(const BeastRequest& request);

/// With the fields that keep anything from being embedded, guessed, stored or run that is not the
/// page's own. The length is still to be said; of a body in pieces, there are none yet.
BeastResponse beast_response(Response from);

}  // namespace poetry::sync::http
