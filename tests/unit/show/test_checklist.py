import pytest
from botocore.exceptions import ClientError

from drlib.core.errors import PreflightFailed, StepFailed, slug
from drlib.show import checklist
from drlib.show.checklist import Failed, Probe, Skip


def fails(error):
    def ask():
        raise error

    return ask


def asked(*probes):
    return checklist.make("Preflight", probes)


GOOD = Probe("dns", "dns", lambda: "us-east-2")


def test_answers_come_in_the_order_of_the_questions():
    names = [f"question {number}" for number in range(20)]
    made = asked(*(Probe(slug(name), name, lambda name=name: name) for name in names))
    assert [row.name for row in made] == [row.detail for row in made] == names
    assert made.status == "passed"
    assert str(made.require()) == "Preflight: 20 of 20 passed"


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (Failed("it leads to us-west-2"), "it leads to us-west-2"),
        (StepFailed("no answer"), "no answer"),
        (OSError("no route"), "OSError: no route"),
        (
            ClientError({"Error": {"Code": "AccessDenied", "Message": "account 111122223333"}}, "GetItem"),
            "GetItem: AccessDenied",
        ),
    ],
)
def test_a_failure_is_an_answer(error, detail):
    made = asked(GOOD, Probe("latch", "latch", fails(error), "Run 40-failback."))
    assert made.status == "failed"
    assert (made["latch"].detail, made["latch"].hint) == (
        detail,
        "Run 40-failback. See 90-troubleshoot#latch.",
    )


def test_a_mistake_of_ours_is_no_answer():
    with pytest.raises(ZeroDivisionError):
        asked(Probe("broken", "broken", fails(ZeroDivisionError())))


def test_the_hint_of_the_error_wins():
    made = asked(Probe("latch", "latch", fails(Failed("set", remedy="Release it.")), "See 90."))
    assert made["latch"].hint == "Release it. See 90-troubleshoot#latch."


def test_require_names_everything_that_failed():
    made = asked(
        Probe("one", "one", fails(Failed("is off")), "Mend one."),
        GOOD,
        Probe("two", "two", fails(Failed("is on"))),
    )
    with pytest.raises(PreflightFailed) as caught:
        made.require()
    assert "2 of 3 checks failed. one: is off; two: is on." in caught.value.message
    assert caught.value.remedy == "Mend one. See 90-troubleshoot#one. See 90-troubleshoot#two."


def test_what_was_skipped_is_not_passed_and_does_not_stop():
    made = asked(GOOD, Probe("backlog", "backlog", fails(Skip("AWS does not tell"))))
    assert made.status == "skipped"
    assert [row.id for row in made.skipped] == ["backlog"]
    assert made.require()._repr_mimebundle_()["text/plain"] == "Preflight: 1 of 2 passed"


def test_plain_text_holds_names_and_verdicts_and_html_the_rest():
    made = asked(GOOD, Probe("latch", "latch", fails(Failed("set <at 3 a.m.>")), "Release it."))
    assert str(made) == "Preflight: 1 of 2 passed\ndns    ok\nlatch  FAILED"
    shown = made._repr_mimebundle_()
    assert "us-east-2" not in shown["text/plain"]
    assert "us-east-2" in shown["text/html"]
    assert "set &lt;at 3 a.m.&gt;" in shown["text/html"]


def test_an_entry_of_its_own_is_the_one_that_is_linked():
    made = asked(
        Probe("replication-to-standby", "writes reach the standby", fails(Failed("no")), entry="replication")
    )
    assert made.rows[0].hint == "See 90-troubleshoot#replication."


def test_rows_are_plain_data():
    hint = "See 90-troubleshoot#dns."
    assert asked(GOOD).as_dicts() == [
        {"id": "dns", "name": "dns", "status": "passed", "detail": "us-east-2", "hint": hint}
    ]


def test_a_question_put_to_a_role_has_its_own_id_and_the_entry_of_all_roles():
    made = asked(
        *(Probe("queue", "the queue is empty", fails(Failed("no"))).of(role) for role in ("a", "B C"))
    )
    assert [row.id for row in made] == ["queue-a", "queue-b-c"]
    assert [row.name for row in made] == ["the queue is empty (a)", "the queue is empty (B C)"]
    assert {row.hint for row in made} == {"See 90-troubleshoot#queue."}


def test_an_answer_is_found_by_its_id_alone():
    made = asked(Probe("public-name", "the public name leads to the primary", lambda: "us-east-2"))
    assert made["public-name"].detail == "us-east-2"
    with pytest.raises(KeyError):
        made["the public name leads to the primary"]
