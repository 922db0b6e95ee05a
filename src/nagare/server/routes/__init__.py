"""One file a feature: parse the request, call the service, shape the answer."""
