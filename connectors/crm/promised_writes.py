"""What the conformance suite writes to a CRM: the contact data of one customer, which it writes back."""

from collections.abc import Sequence
from typing import Any, ClassVar

from connectors.conformance.checks import missing_key
from connectors.conformance.trial import Failure, Skipped, Trial
from connectors.conformance.writing import (
    Effect,
    Place,
    Refusal,
    WriteCall,
    Writing,
    different,
    new_key,
    read_one,
    settled,
    word,
)
from connectors.crm.port import ContactChange, Customer
from connectors.errors import Reason
from connectors.writes import UNCHANGED, Change, WriteKey


class UpdateContact(Writing):
    """`CrmPort.update_contact`."""

    name: ClassVar[str] = "update_contact"

    def __init__(self, trial: Trial) -> None:
        super().__init__(trial)
        self._was = Customer(id="")

    async def prepare(self) -> str:
        known = self.trial.samples.get(Customer, {})
        keys = [key for key in self.trial.keys.get("customer", ()) if key in known]
        if not keys:
            raise Skipped("no customer is known whose contact data could be changed: name one with --customer.")
        # Best is one who is reached both ways: what is removed at the end may leave another address behind.
        self._was = known[min(keys, key=lambda one: not (known[one].email and known[one].phone))]
        return (
            f"changes the e-mail address and the phone number of customer {self._was.id} some times, then writes back"
            " what they are now"
        )

    async def effect(self) -> Effect:
        email = _address()
        return Effect(
            f"update_contact({self._was.id!r}, email={email!r})",
            self._call(email=email),
            lambda _: self._wrong(email=email, phone=self._was.phone),
        )

    async def refusals(self) -> Sequence[Refusal]:
        nobody = missing_key(self._was.id)
        return [
            Refusal(
                f"update_contact of customer {nobody!r}, whom there is not,",
                self._call(nobody, email=_address()),
                "customer_id",
                (Reason.NOT_FOUND,),
            ),
            Refusal(
                "update_contact(email='no address')",
                self._call(email="no address"),
                "email",
                (Reason.INVALID,),
                wrong=lambda _: self._wrong(email="no address"),
            ),
        ]

    async def places(self) -> Sequence[Place]:
        phone = f"+420 7{int(word(), 16) % 100_000_000:08}"
        call = f"update_contact({self._was.id!r}, phone={phone!r})"
        return [Place("phone", call, self._call(phone=phone), lambda _: self._wrong(phone=phone))]

    def unsupported_call(self, name: str) -> WriteCall:
        return self._call(email=_address())

    async def restore(self) -> str:
        await self._call(email=self._was.email, phone=self._was.phone)(self.trial.driver, new_key())
        was = {"email": self._was.email, "phone": self._was.phone}
        if wrong := await settled(self.trial.system, lambda: self._wrong(**was), lambda wrong: not wrong):
            raise Failure(f"customer {self._was.id} could not be given back what was there: {wrong}.")
        return f"customer {self._was.id} is reached as before"

    def _call(self, customer_id: str = "", email: Change = UNCHANGED, phone: Change = UNCHANGED) -> WriteCall:
        change = ContactChange(customer_id=customer_id or self._was.id, email=email, phone=phone)

        async def write(driver: Any, key: WriteKey) -> None:
            await driver.update_contact(change, key)

        return write

    async def _wrong(self, **wanted: str | None) -> str:
        customer = await read_one("customers", self.trial.driver.customers([self._was.id], None), self._was.id)
        return "the customer is gone" if customer is None else different(customer, **wanted)


def _address() -> str:
    return f"conformance-{word()}@example.com"
