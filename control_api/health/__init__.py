"""Is the process alive, is it ready, and what do its figures say. For load balancers, people on call and Prometheus."""
