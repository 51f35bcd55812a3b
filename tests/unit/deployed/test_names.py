"""Names: short regions, and telling our names from another stack's."""

from __future__ import annotations

import pytest

from drlib.deployed.names import Names, partition, short_region


@pytest.mark.parametrize(
    ("region", "short"),
    [
        ("us-east-2", "use2"),
        ("ap-southeast-1", "apse1"),
        ("ap-south-1", "aps1"),
        ("eu-central-1", "euc1"),
        ("us-gov-west-1", "usgw1"),
        ("mx-central-1", "mxc1"),
    ],
)
def test_regions_are_shortened(region: str, short: str) -> None:
    assert short_region(region) == short


def test_no_two_commercial_regions_share_a_short_name() -> None:
    import botocore.session

    regions = botocore.session.get_session().get_available_regions("dynamodb")
    assert len(regions) > 20
    assert len({short_region(region) for region in regions}) == len(regions)


def test_arns_follow_the_partition() -> None:
    assert [partition(r) for r in ("eu-west-1", "cn-north-1", "us-gov-west-1")] == [
        "aws",
        "aws-cn",
        "aws-us-gov",
    ]


def test_a_bucket_name_tells_accounts_apart_without_telling_the_account() -> None:
    names = {
        Names("dr", account).bucket("receipts", "us-east-2") for account in ("111122223333", "444455556666")
    }
    assert len(names) == 2
    assert not any("111122223333" in name or "444455556666" in name for name in names)


def test_own_names_are_told_from_others() -> None:
    names = Names("dr", "111122223333")
    regions = ("us-east-2", "us-west-2")
    ours = [
        names.bucket("receipts", "us-east-2"),
        names.regional("alarm-api-5xx", "us-west-2"),
        names.regional("dead-letter", "us-east-2"),
        names.regional("payments", "us-west-2"),
        names.shared("dr"),
        names.shared("payments"),
    ]
    others = [
        Names("x-dr").regional("work", "us-east-2"),  # a suffix that ends as ours does
        Names("dr").regional("work", "eu-west-1"),  # a region that is not ours
        Names("dr-2").shared("payments"),
        "pay-payments-dr-use2-and-more",
        "pay-unheard-of-dr-use2",
        "payments-dr",
    ]
    assert names.owned([*others, *ours], regions) == sorted(ours)
