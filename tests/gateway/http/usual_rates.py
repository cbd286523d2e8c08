"""What callers may cost by default."""

from gateway.http.client_address import ClientAddresses
from gateway.http.rates import Rates
from gateway.http.trusted_proxies import TrustedProxies
from gateway.rate_settings import RateSettings


def usual_rates(settings: RateSettings | None = None) -> Rates:
    """Rates that nobody else spends from, with no proxy that is trusted."""
    return Rates(settings or RateSettings(), ClientAddresses(TrustedProxies(), "X-Forwarded-For"))
