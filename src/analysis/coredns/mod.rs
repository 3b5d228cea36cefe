//! What each CoreDNS and node-cache release accepts: plugins, options, arguments.
