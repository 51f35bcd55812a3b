"""Event source mappings that Lambda refuses, and the permissions of a mapping's role."""

from __future__ import annotations

import json

import pytest

from drlib.sandbox.process.state import Status
from tests.unit.sandbox.makers import ACCOUNT, READING, Maker, allow, document
from tests.unit.sandbox.outages import EAST, WEST
from tests.unit.sandbox.refused import refusing

INVALID = "InvalidParameterValueException"


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="a mapping is refused if the queue's visibility timeout is below the function's timeout",
    level="documented",
    source="Lambda Developer Guide, Creating and configuring an Amazon SQS event source mapping",
)
def test_a_queue_that_shows_its_messages_too_early(maker: Maker) -> None:
    function, (url, arn) = maker.reader(timeout=31), maker.queue()
    said = "Queue visibility timeout: 30 seconds is less than Function timeout: 31 seconds"
    with refusing(INVALID, said):
        maker.map(function, arn)
    maker.aws("sqs", EAST).set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "31"})
    mapping = maker.map(function, arn)
    maker.aws("sqs", EAST).set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "30"})
    with refusing(INVALID, said):
        maker.aws("lambda", EAST).update_event_source_mapping(UUID=mapping, BatchSize=1)


@pytest.mark.fidelity(
    service="Lambda",
    behaviour=(
        "a mapping is refused if the function's role cannot receive, delete and get attributes of the queue"
    ),
    level="documented",
    source="Lambda Developer Guide, Configuring execution role permissions (Using Lambda with Amazon SQS)",
)
@pytest.mark.parametrize("lacking", READING)
def test_a_role_that_may_not_read_the_queue(maker: Maker, lacking: str) -> None:
    function = maker.reader([action for action in READING if action != lacking])
    _, arn = maker.queue()
    said = f"The function execution role does not have permissions to call {lacking[4:]} on SQS"
    with refusing(INVALID, said):
        maker.map(function, arn)
    maker.let(function, READING)
    maker.map(function, arn)


def test_a_queue_may_let_a_role_read_by_its_own_policy(maker: Maker) -> None:
    function, (url, arn) = maker.reader([]), maker.queue()
    role = {"AWS": f"arn:aws:iam::{ACCOUNT}:role/{function}-{EAST}"}
    policy = document(allow(READING, arn) | {"Principal": role})
    maker.aws("sqs", EAST).set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    maker.map(function, arn)


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="a mapping of a queue that does not exist is refused",
    level="documented",
    source="Lambda API Reference, CreateEventSourceMapping (InvalidParameterValueException)",
)
def test_a_queue_that_does_not_exist(maker: Maker) -> None:
    with refusing(INVALID, "SQS Error Code: AWS.SimpleQueueService.NonExistentQueue"):
        maker.map(maker.reader(), f"arn:aws:sqs:{EAST}:{ACCOUNT}:nowhere")


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="a queue in another region cannot be an event source",
    level="approximated",
    source="Lambda Developer Guide, Using Lambda with Amazon SQS",
    note="the error code is Lambda's; AWS does not document the text of the message",
)
def test_a_queue_of_another_region(maker: Maker) -> None:
    with refusing(INVALID):
        maker.map(maker.reader(), maker.queue(WEST)[1])


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="a second mapping of the same queue to the same function is refused",
    level="documented",
    source="Lambda API Reference, CreateEventSourceMapping (ResourceConflictException)",
)
def test_a_second_mapping(maker: Maker) -> None:
    function, (_, arn) = maker.reader(), maker.queue()
    mapping = maker.map(function, arn)
    said = f'An event source mapping with SQS arn (" {arn} ") and function (" {function} ") already exists.'
    with refusing("ResourceConflictException", said, mapping):
        maker.map(function, arn)
    maker.map(maker.reader(), arn)


@pytest.mark.fidelity(
    service="Lambda",
    behaviour="a mapping reads nothing after its role loses the permission to read the queue",
    level="approximated",
    source="Lambda Developer Guide, Configuring execution role permissions (Using Lambda with Amazon SQS)",
    note="AWS does not document the state that the mapping then shows; here the state does not change",
)
def test_a_right_to_read_that_is_taken_away(sandbox: Status, maker: Maker) -> None:
    function, (url, arn) = maker.reader(), maker.queue()
    maker.map(function, arn)
    sqs = maker.aws("sqs", EAST)
    sqs.send_message(QueueUrl=url, MessageBody="a")
    assert sandbox.clock.wait_until(lambda: maker.left(url) == 0, timeout=60)
    maker.let(function, [])
    sandbox.clock.sleep(10)
    sqs.send_message(QueueUrl=url, MessageBody="b")
    sandbox.clock.sleep(40)
    (message,) = sqs.receive_message(
        QueueUrl=url, VisibilityTimeout=0, AttributeNames=["ApproximateReceiveCount"]
    )["Messages"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    maker.let(function, READING)
    assert sandbox.clock.wait_until(lambda: maker.left(url) == 0, timeout=60)


@pytest.mark.fidelity(
    service="Lambda",
    behaviour=(
        "if the role of a mapping cannot delete from the queue, each message is processed again and again"
    ),
    level="documented",
    source="Lambda Developer Guide, Configuring execution role permissions (Using Lambda with Amazon SQS)",
)
def test_a_right_to_delete_that_is_taken_away(sandbox: Status, maker: Maker) -> None:
    function, (url, arn) = maker.reader(), maker.queue()
    maker.map(function, arn)
    maker.let(function, [READING[0], READING[2]])
    sandbox.clock.sleep(10)
    dead, dead_arn = maker.queue()
    maker.aws("sqs", EAST).set_queue_attributes(
        QueueUrl=url,
        Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})},
    )
    maker.aws("sqs", EAST).send_message(QueueUrl=url, MessageBody="a")
    assert sandbox.clock.wait_until(lambda: maker.left(dead) == 1, timeout=300)
