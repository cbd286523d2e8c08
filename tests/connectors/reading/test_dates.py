"""A time zone is a setting of several products: a wrong one is named when the gateway starts."""

import pytest

from connectors import DOMAINS
from connectors.drivers import WrongConfiguration
from connectors.settings import System


@pytest.mark.parametrize("zone", ["Mars/Base", "Europe", "../zone", ""])
@pytest.mark.parametrize(("domain", "driver"), [("inventory", "nautobot"), ("billing", "tryton")])
def test_a_zone_that_does_not_exist_is_named(domain: str, driver: str, zone: str) -> None:
    system = System.model_validate({"url": "http://a", "driver": driver, "options": {"timezone": zone}})
    with pytest.raises(WrongConfiguration, match=f"options.timezone: .*there is no time zone named '{zone}'"):
        DOMAINS[domain].driver(driver).configuration(system)


def test_a_profiles_zone_too() -> None:
    system = System.model_validate({"url": "http://a", "profile": {"timezone": "Mars/Base"}})
    with pytest.raises(WrongConfiguration, match=r"profile\.timezone: .*there is no time zone named 'Mars/Base'"):
        DOMAINS["billing"].driver("tmf").configuration(system)
