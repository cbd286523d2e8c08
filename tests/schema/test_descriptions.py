"""Everything that clients see says what it is."""

from schema import build_schema


def test_everything_is_described() -> None:
    bare = []
    for name, kind in build_schema().graphql.type_map.items():
        if name.startswith("__") or name in ("String", "Int", "Float", "Boolean", "ID"):
            continue
        bare += [] if kind.description else [name]
        for field_name, field in getattr(kind, "fields", {}).items():
            bare += [] if field.description else [f"{name}.{field_name}"]
            for argument, value in getattr(field, "args", {}).items():
                bare += [] if value.description else [f"{name}.{field_name}({argument})"]
        for value_name, value in getattr(kind, "values", {}).items():
            bare += [] if value.description else [f"{name}.{value_name}"]

    assert bare == []
