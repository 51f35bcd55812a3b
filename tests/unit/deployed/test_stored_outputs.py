"""The standby's table knows what is deployed, with one read there and nothing else."""

from types import SimpleNamespace

import pytest
from botocore.exceptions import EndpointConnectionError

from drlib.core.errors import StepFailed
from drlib.deployed import stored_outputs
from tests.two_regions import PRIMARY, STANDBY


def test_what_was_kept_is_recalled_from_the_standby_alone(here, deployment, aws):
    stored_outputs.keep(here, deployment)
    del here.clients["dynamodb", PRIMARY]
    assert stored_outputs.recall(here) == deployment


def test_a_table_that_knows_nothing_says_so(here, aws):
    with pytest.raises(StepFailed, match="contains no deployment") as caught:
        stored_outputs.recall(here)
    assert "10-deploy" in caught.value.remedy


def test_a_standby_that_does_not_answer_is_told(here, aws):
    def down(**_):
        raise EndpointConnectionError(endpoint_url="https://nowhere")

    here.clients["dynamodb", STANDBY] = SimpleNamespace(get_item=down)
    with pytest.raises(StepFailed, match="does not answer: EndpointConnectionError"):
        stored_outputs.recall(here)
