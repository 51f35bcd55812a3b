"""Parameters: types are strict, every rule says its field and what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from drlib import parameters
from drlib.core.errors import BadParameters

ROOT = Path(__file__).resolve().parents[2]
AWS = {"target": "aws", "domain_name": "pay.acme.io", "state_backend": "s3://states", "approval": ""}


def test_defaults_are_a_rehearsal_in_the_sandbox() -> None:
    made = parameters.make({})
    assert (made.target, made.public_name) == ("sandbox", "api.pay.drill.test")
    assert made.approval == made.approval_phrase == "drill@sandbox"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"primry_region": "us-east-2"}, "primry_region is not a parameter: did you mean primary_region?"),
        ({"zzz": 1}, "zzz is not a parameter: `drlib params` lists"),
        ({"lambda_in_vpc": "true"}, "lambda_in_vpc must be true or false, and is 'true'"),
        ({"lambda_in_vpc": 1}, "lambda_in_vpc must be true or false"),
        ({"seed": True}, "seed must be a whole number, and is True"),
        ({"seed": "1"}, "seed must be a whole number, and is '1'"),
        ({"seed": 1.0}, "seed must be a whole number, and is 1.0"),
        ({"time_scale": "20"}, "time_scale must be a number, and is '20'"),
        ({"time_scale": float("nan")}, "time_scale must be a number, and is nan"),
        ({"suffix": None}, "suffix must be text, and is None"),
        ({"outage_mode": 503}, 'outage_mode must be text, and is 503; in YAML, put it in quotes: "503"'),
        ({"mode": "dry"}, "mode must be one of apply, plan, and is 'dry'"),
        ({"confirm": "yes"}, "confirm must be suffix/region, such as drill/us-east-2, and is 'yes'"),
        ({"outage_mode": "explode"}, "outage_mode must be one of refuse, reset, hang, 503"),
        ({"target": "azure"}, "target must be one of sandbox, aws"),
        ({"check_interval_seconds": 15}, "check_interval_seconds must be one of 10, 30, and is 15"),
        ({"check_interval_seconds": 10.0}, "check_interval_seconds must be a whole number, and is 10.0"),
        ({"check_failure_threshold": 11}, "check_failure_threshold must be from 1 to 10, and is 11"),
        ({"time_scale": 61}, "time_scale must be from 1 to 60, and is 61"),
        ({"time_scale": 0.5}, "time_scale must be from 1 to 60, and is 0.5"),
        ({"rto_target_seconds": 0}, "rto_target_seconds must be from 1 to 86400"),
        ({"ttl_clients": 0}, "ttl_clients must be from 1 to 50"),
        ({"ttl_clients": 50, "time_scale": 60}, "must not make more than 100 payments a wall second"),
        ({"standby_region": "us-east-2"}, "standby_region must differ from primary_region"),
        ({"primary_region": "us-esat-2"}, "did you mean us-east-2"),
        ({"primary_region": "us-gov-west-1"}, "primary_region must be a commercial AWS region"),
        ({"suffix": "Drill"}, "suffix must be 1 to 16 small letters"),
        ({"suffix": "-a"}, "suffix must be"),
        ({"suffix": ""}, "suffix must be"),
        ({"suffix": "a" * 17}, "suffix must be"),
        ({"domain_name": "localhost"}, "domain_name must be a domain of two or more labels"),
        ({"domain_name": "Pay.acme.io"}, "in small letters"),
        ({"domain_name": "a" * 58 + ".io"}, "domain_name must have at most 60 characters"),
        ({"scenario": "Region Outage"}, "scenario must be a name that `drlib scenarios` lists"),
        ({"hosted_zone_id": "Z123"}, "hosted_zone_id must be empty in the sandbox"),
        ({"alert_email": "someone"}, "alert_email must be an e-mail address"),
        ({"jwt_issuer": "https://login.acme.io"}, "jwt_issuer and jwt_audience must be given together"),
        (AWS | {"state_backend": ""}, "state_backend must say where Pulumi keeps its state on aws"),
        (AWS | {"state_backend": "my-bucket"}, "state_backend must be a URL"),
        (AWS | {"hosted_zone_id": "/hostedzone/Z1"}, "hosted_zone_id must be a Route 53 zone id"),
        (AWS | {"domain_name": "pay.drill.test"}, "must be publicly delegated on aws"),
    ],
)
def test_a_broken_rule_is_one_sentence(values: dict[str, Any], said: str) -> None:
    with pytest.raises(BadParameters) as caught:
        parameters.make(values)
    assert said in caught.value.message
    assert caught.value.message.count(". ") == 0, "one problem, one sentence"
    assert caught.value.exit_code == 2


def test_all_problems_are_said_at_once() -> None:
    with pytest.raises(BadParameters, match=r"suffix must.*time_scale must"):
        parameters.make({"time_scale": 61, "suffix": "A"})


@pytest.mark.parametrize(
    "domain",
    [
        "pay.example.com",
        "example.org",
        "example.net",
        "a.example.edu",
        "x.example",
        "x.invalid",
        "x.localhost",
    ]
    + ["x.local", "pay.internal", "x.onion"],
)
def test_reserved_domains_are_refused_anywhere(domain: str) -> None:
    with pytest.raises(BadParameters, match="must be a domain of your own"):
        parameters.make({"domain_name": domain})


@pytest.mark.parametrize("domain", ["notexample.com", "example.acme.io", "x.test", "a-b.co"])
def test_names_that_only_look_reserved_are_allowed(domain: str) -> None:
    assert parameters.make({"domain_name": domain}).domain_name == domain


def test_whole_numbers_are_numbers() -> None:
    assert parameters.make({"time_scale": 5}).time_scale == 5.0


def test_a_run_that_only_plans_says_so() -> None:
    assert not parameters.make({}).plans
    made = parameters.make({"mode": "plan"})
    assert made.plans
    assert ("mode", "plan: everything is shown, and nothing is changed") in made.rows()


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        parameters.make({}).seed = 2  # type: ignore[misc]


def test_a_cell_is_read_by_known_names() -> None:
    namespace = {"seed": 7, "In": [], "os": object(), "primry_region": "ignored"}
    assert parameters.from_cell(namespace).seed == 7
    with pytest.raises(BadParameters, match="seed must be a whole number"):
        parameters.from_cell({"seed": "7"})
    with pytest.raises(BadParameters, match="target must be text, and an import has taken its name"):
        parameters.from_cell({"target": parameters})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n- b\n", "must hold lines of the form"),
        ("1: 2\n", "must hold lines of the form"),
        ("a: [1\n", "is not valid YAML, line 2"),
        ("lambda_in_vpc: 'true'\n", "lambda_in_vpc must be true or false"),
        ("account: 12\n", "account is not a parameter"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(text)
    with pytest.raises(BadParameters, match=said):
        parameters.load(file)


def test_a_missing_file_is_said_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadParameters, match=r"nowhere\.yaml does not exist"):
        parameters.load(tmp_path / "nowhere.yaml")
    with pytest.raises(BadParameters, match="cannot be read: IsADirectoryError"):
        parameters.load(tmp_path)


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("# nothing\n")
    assert parameters.load(tmp_path / "x.yaml") == parameters.make({})


@pytest.mark.parametrize("name", ["sandbox", "aws-example"])
def test_the_shipped_files_are_good(name: str) -> None:
    assert parameters.load(ROOT / "params" / f"{name}.yaml").target == name.split("-")[0]


def test_overrides_get_the_type_of_their_field() -> None:
    pairs = [("seed", "7"), ("lambda_in_vpc", "false"), ("time_scale", "10"), ("outage_mode", "503")]
    got = parameters.parse_overrides(pairs)
    assert got == {"seed": 7, "lambda_in_vpc": False, "time_scale": 10.0, "outage_mode": "503"}
    assert type(got["time_scale"]) is float


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        (("lambda_in_vpc", "False"), "lambda_in_vpc must be true or false, and is 'False'"),
        (("seed", "1_000"), "seed must be a whole number"),
        (("time_scale", "1e3"), "time_scale must be a number"),
        (("sed", "1"), "sed is not a parameter: did you mean seed?"),
    ],
)
def test_a_bad_override_is_refused(pair: tuple[str, str], said: str) -> None:
    with pytest.raises(BadParameters) as caught:
        parameters.parse_overrides([pair])
    assert said in caught.value.message


def test_a_notebook_may_add_names_of_its_own() -> None:
    assert parameters.parse_overrides([("decision", "flip")], more={"decision": str}) == {"decision": "flip"}


def test_every_help_fits_a_parameters_cell() -> None:
    for name, parameter in parameters.PARAMETERS.items():
        assert parameter.help, name
        assert not set(parameter.help) & set("=#|\"'\\") - {"'"}, f"papermill misreads the help of {name}"
        assert type(parameter.default) is parameter.type, name


def test_the_table_is_the_same_each_time() -> None:
    one, two = parameters.make({}), parameters.make({})
    assert str(one) == str(two) == one._repr_mimebundle_()["text/plain"]
    assert "api.pay.drill.test" in one._repr_mimebundle_()["text/html"]
