"""Services and resources: chosen by state, and searched."""

from tests.stack import Stack


async def test_services_are_chosen_by_state(stack: Stack) -> None:
    document = "{ me { services(state: [ACTIVE]) { totalCount } none: services(state: [TERMINATED]) { totalCount } } }"

    assert (await stack.ask(document, "1001")).clean()["me"] == {
        "services": {"totalCount": 4},
        "none": {"totalCount": 0},
    }


async def test_a_search_for_nothing_finds_no_resources(stack: Stack) -> None:
    answer = await stack.ask('{ resources(search: "") { totalCount } }')

    assert answer.clean() == {"resources": {"totalCount": 0}}
    assert answer.calls == []
