"""Reads rows whose attributes have other types than the standard's: what is unambiguous as meant, the rest as null.

A number or a boolean stands for its text, a text for the number or boolean that it spells, one object for a list of
it. What is none of these costs its attribute only, unless it identifies the row or its owner: then the row is lost.
"""

import json
from collections.abc import Callable, Set
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any, Final

import msgspec
from msgspec import inspect

_TO_JSON: Final = msgspec.json.Encoder(decimal_format="number")
_JSON: Final = msgspec.json.Decoder(float_hook=Decimal)
_UNFIT: Final[Any] = object()
_REPLACED: Final = "\ufffd"
_BESIDE: Final = frozenset({"name", "href"})
"""Attributes that do not say what a reference refers to, which has an id. A characteristic is known by its name."""
_DIGITS: Final = 40


class LenientReader:
    """Reads single rows of one type. `deciding` are the attributes, by their upstream names, that say whose a row is.

    `warn` is told which attributes were left out, without their values.
    """

    def __init__(self, row: type[Any], deciding: Set[str], warn: Callable[[str], None]) -> None:
        self._row, self._deciding, self._warn = row, deciding | {"id"}, warn

    @cached_property
    def _kind(self) -> inspect.Type:
        return inspect.type_info(self._row)  # takes a millisecond, and most systems never send what needs it

    def read(self, raw: msgspec.Raw | bytes) -> Any | None:
        """The row; None if what identifies or owns it cannot be read.

        That holds for texts with a replacement character, too: they are not what the system calls it. Raises
        `msgspec.DecodeError` if it is not JSON.
        """
        try:
            value = _decoded(raw)
        except (ValueError, InvalidOperation):  # a number of thousands of digits, or with such an exponent
            return None
        found = self._fit(value, self._kind, "", decides=False)
        return None if found is _UNFIT else found

    def _fit(self, value: Any, kind: inspect.Type, where: str, *, decides: bool) -> Any:
        """The value as this type, or `_UNFIT`."""
        match kind:
            case inspect.UnionType():
                return self._fit_one_of(value, kind, where, decides=decides)
            case inspect.StructType():
                return self._fit_object(value, kind, where, decides=decides)
            case inspect.ListType(item_type=of):
                items = value if isinstance(value, list) else [value]
                fitted = [self._fit(one, of, where, decides=decides) for one in items]
                return self._without_unfit(fitted, where, decides=decides)
            case inspect.DictType(value_type=of) if isinstance(value, dict):
                found = {key: self._fit(one, of, where, decides=decides) for key, one in value.items()}
                return {key: one for key, one in found.items() if one is not _UNFIT}
            case inspect.AnyType():
                return value
            case inspect.RawType():
                return msgspec.Raw(_TO_JSON.encode(value))
            case inspect.NoneType():
                return None if value is None else _UNFIT
        if isinstance(value, Decimal) and where.rpartition(".")[2] == "id":
            value = _whole(value)
        found = _scalar(value, kind)
        return _UNFIT if decides and isinstance(found, str) and _REPLACED in found else found

    def _fit_one_of(self, value: Any, kind: inspect.UnionType, where: str, *, decides: bool) -> Any:
        if value is None and kind.includes_none:
            return None
        if isinstance(value, Decimal) and any(isinstance(one, inspect.IntType) for one in kind.types):
            value = _whole(value)
        for one in kind.types:
            if _is_already(value, one):
                return self._fit(value, one, where, decides=decides)
        parts = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
        if decides and any(isinstance(one, inspect.ListType | inspect.StructType) for one in parts):
            parts = [one for one in parts if not isinstance(one, inspect.StrType)]  # a text there names nobody
        for one in parts:
            found = self._fit(value, one, where, decides=decides)
            if found is not _UNFIT:
                return found
        return _UNFIT

    def _fit_object(self, value: Any, kind: inspect.StructType, where: str, *, decides: bool) -> Any:
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if not isinstance(value, dict):
            return _UNFIT
        given: dict[str, Any] = {}
        beside = _BESIDE if any(field.encode_name == "id" for field in kind.fields) else ()
        for field in kind.fields:
            name = field.encode_name
            if name not in value:
                if field.required:
                    return _UNFIT
                continue
            matters = name not in beside if decides else not where and name in self._deciding
            inner = f"{where}.{name}" if where else name
            found = self._fit(value[name], field.type, inner, decides=matters)
            if found is not _UNFIT:
                given[field.name] = found
            elif matters or field.required:
                return _UNFIT
            else:
                self._left_out(inner)
        if decides and value and not given:
            return _UNFIT  # an object of another kind
        return kind.cls(**given)

    def _without_unfit(self, fitted: list[Any], where: str, *, decides: bool) -> Any:
        kept = [one for one in fitted if one is not _UNFIT]
        if len(kept) == len(fitted):
            return kept
        if decides or not kept:
            return _UNFIT
        self._left_out(where)
        return kept

    def _left_out(self, where: str) -> None:
        self._warn(f"sends {where} in a form that cannot be read: it is left out where it is so")


def _decoded(raw: msgspec.Raw | bytes) -> Any:
    text = bytes(raw).decode(errors="replace")
    try:
        return _JSON.decode(text)
    except msgspec.ValidationError:  # a whole number that 64 bits do not hold
        return json.loads(text, parse_float=Decimal)


def _is_already(value: Any, kind: inspect.Type) -> bool:
    match kind:
        case inspect.StrType():
            return isinstance(value, str)
        case inspect.IntType():
            return isinstance(value, int) and not isinstance(value, bool)
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.ListType():
            return isinstance(value, list)
        case inspect.StructType() | inspect.DictType():
            return isinstance(value, dict)
    return False


def _scalar(value: Any, kind: inspect.Type) -> Any:
    match kind:
        case inspect.StrType():
            text = _text(value)
            return _UNFIT if text == "" and kind.min_length else text
        case inspect.BoolType():
            return _boolean(value)
        case inspect.IntType() | inspect.FloatType() | inspect.DecimalType():
            number = _number(value)
            if number is _UNFIT or isinstance(kind, inspect.DecimalType):
                return number
            if isinstance(kind, inspect.FloatType):
                return float(number)
            return int(number) if number == number.to_integral_value() else _UNFIT
    return _UNFIT


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f") if abs(value.adjusted()) <= _DIGITS else _UNFIT
    return str(value) if isinstance(value, str | int) else _UNFIT


def _whole(value: Decimal) -> Decimal | int:
    """The whole number that it is, as some writers of JSON know none; not of 1e999999999, which would take hours."""
    return int(value) if abs(value.adjusted()) <= _DIGITS and value == value.to_integral_value() else value


def _boolean(value: Any) -> Any:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().casefold(), _UNFIT)
    return bool(value) if isinstance(value, bool | int) and value in (0, 1) else _UNFIT


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return _UNFIT
    try:
        number = Decimal(value.strip() if isinstance(value, str) else value)
    except InvalidOperation:
        return _UNFIT
    return number if number.is_finite() and abs(number.adjusted()) <= _DIGITS else _UNFIT
