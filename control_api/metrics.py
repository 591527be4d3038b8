"""What Prometheus reads. One registry per app: nothing global, so that two apps in one process do not mix."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """Labels are operations and classes of status: never a tenant, an id or an address."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.in_flight = Gauge("ava_api_requests_in_flight", "Requests being answered.", registry=self.registry)
        self._seconds = Histogram(
            "ava_api_request_seconds",
            "From a request's headers to the end of its answer.",
            ("operation", "method", "status"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._stranded = Counter(
            "ava_api_stranded_calls_total",
            "Calls in progress that no worker was left for, by what came of them.",
            ("outcome",),
            registry=self.registry,
        )

    def stranded(self, outcome: str) -> None:
        """`outcome` as `numbers.stranded` has it."""
        self._stranded.labels(outcome).inc()

    def record(self, operation: str, method: str, status: int, seconds: float) -> None:
        """A method is whatever somebody sends: what is none of HTTP's own is counted together."""
        known = method if method in _METHODS else "other"
        self._seconds.labels(operation, known, f"{status // 100}xx").observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self.registry)
