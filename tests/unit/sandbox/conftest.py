"""A small API in two regions of the sandbox, and a client that sees what a client sees."""

from __future__ import annotations

import http.client
import io
import itertools
import json
import socket
import ssl
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config

from drlib.sandbox.process.state import Status

from .buckets import Buckets
from .makers import Maker
from .outages import Outages

HANDLER = """
import json, os
def handler(event, context):
    path = event["rawPath"]
    if path == "/fail":
        raise RuntimeError("a secret of the function")
    if path == "/teapot":
        headers = {"x-kind": "teapot"}
        return {"statusCode": 418, "headers": headers, "cookies": ["a=1", "b=2"], "body": "short"}
    return {"statusCode": 200, "body": json.dumps({"region": os.environ["AWS_REGION"], "event": event})}
"""
REGIONS = ("us-east-2", "us-west-2")
DOMAIN = "api.echo.test"

_numbers = itertools.count()


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Connects to the edge of a region and asks for a name, as resolving the name there would have it do."""

    def __init__(self, status: Status, region: str, name: str, *, timeout: float = 20.0) -> None:
        host, port = status.edges[region].rsplit(":", 1)
        context = ssl.create_default_context(cafile=status.ca_file)
        context.set_alpn_protocols(["h2", "http/1.1"])
        plain = socket.create_connection((host, int(port)), timeout=timeout)
        try:
            self.socket = context.wrap_socket(plain, server_hostname=name)
        except BaseException:
            plain.close()
            raise
        self._http = http.client.HTTPConnection(name)
        self._http.sock = self.socket
        self._http.auto_open = 0

    def request(self, path: str, *, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._http.request(method, path, body=body, headers=named)
        answer = self._http.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), answer.read())

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        self.socket.close()


@dataclass
class Echo:
    """The API that echoes its event: in each region an id and a custom domain."""

    status: Status
    domain: str
    api_ids: dict[str, str]

    def connect(self, region: str, name: str = "", *, timeout: float = 20.0) -> Client:
        return Client(self.status, region, name or self.domain, timeout=timeout)

    def get(self, region: str, path: str = "/echo", *, name: str = "") -> Answer:
        with self.connect(region, name) as client:
            return client.request(path)

    def default_name(self, region: str) -> str:
        return f"{self.api_ids[region]}.execute-api.{region}.amazonaws.com"


@pytest.fixture(scope="session")
def aws(sandbox: Status) -> Callable[..., Any]:
    """Makes boto3 clients of the sandbox: `aws("sqs", "us-east-2")`."""

    def client(service: str, region: str = "us-east-2", *, read_timeout: float = 20, **options: Any) -> Any:
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=sandbox.aws_endpoint,
            aws_access_key_id=options.pop("key", "test"),
            aws_secret_access_key=options.pop("secret", "test"),
            config=Config(retries={"total_max_attempts": 1}, read_timeout=read_timeout, **options),
        )

    return client


@pytest.fixture(scope="session")
def control(sandbox: Status) -> Callable[..., tuple[int, Any]]:
    """Asks the sandbox's controls: `control("PUT", "faults/us-east-2", mode="refuse")` -> (status, json)."""

    def ask(method: str, path: str, **order: Any) -> tuple[int, Any]:
        request = urllib.request.Request(
            f"{sandbox.aws_endpoint}/_drlib/{path}",
            method=method,
            data=json.dumps(order).encode() if method == "PUT" else None,
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    return ask


@pytest.fixture(scope="session")
def make_function(aws: Callable[..., Any]) -> Callable[..., str]:
    """Makes a function from source text and returns its ARN."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }

    def make(name: str, region: str, source: str) -> str:
        role = aws("iam").create_role(
            RoleName=f"{name}-{region}", AssumeRolePolicyDocument=json.dumps(trust)
        )["Role"]["Arn"]
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr(zipfile.ZipInfo("main.py"), source)  # no time of day: equal sources, equal archives
        return str(
            aws("lambda", region).create_function(
                FunctionName=name,
                Runtime="python3.13",
                Role=role,
                Handler="main.handler",
                Code={"ZipFile": archive.getvalue()},
                Timeout=60,  # a process that starts on a busy machine may take more than the usual 3 s
            )["FunctionArn"]
        )

    return make


@pytest.fixture(scope="session")
def make_api(aws: Callable[..., Any], make_function: Callable[..., str]) -> Callable[..., str]:
    """Makes an HTTP API before a function of its own, and returns its id."""

    def make(name: str, region: str, *, permitted: bool = True, source: str = HANDLER) -> str:
        function = make_function(name, region, source)
        api = aws("apigatewayv2", region)
        api_id: str = api.create_api(Name=name, ProtocolType="HTTP")["ApiId"]
        integration = api.create_integration(
            ApiId=api_id,
            IntegrationType="AWS_PROXY",
            IntegrationUri=function,
            PayloadFormatVersion="2.0",
        )["IntegrationId"]
        for key in ("GET /{any}", "GET /deep/{any+}", "POST /echo", "HEAD /echo"):
            api.create_route(ApiId=api_id, RouteKey=key, Target=f"integrations/{integration}")
        api.create_stage(ApiId=api_id, StageName="$default", AutoDeploy=True)
        if permitted:
            aws("lambda", region).add_permission(
                FunctionName=name,
                StatementId="api",
                Action="lambda:InvokeFunction",
                Principal="apigateway.amazonaws.com",
                SourceArn=f"arn:aws:execute-api:{region}:000000000000:{api_id}/*/*",
            )
        return api_id

    return make


@pytest.fixture(scope="session")
def make_certificate(aws: Callable[..., Any]) -> Callable[..., str]:
    """Makes an issued certificate for a name, with the record that proves the name, and returns its ARN."""
    zones: dict[str, str] = {}

    def make(domain: str, region: str) -> str:
        acm, route53 = aws("acm", region), aws("route53", "us-east-1")
        arn = str(acm.request_certificate(DomainName=domain, ValidationMethod="DNS")["CertificateArn"])
        parent = domain.partition(".")[2]
        if parent not in zones:
            zone = route53.create_hosted_zone(Name=parent, CallerReference=parent)["HostedZone"]
            zones[parent] = zone["Id"].rpartition("/")[2]
        asked = acm.describe_certificate(CertificateArn=arn)["Certificate"]["DomainValidationOptions"][0]
        record = {**asked["ResourceRecord"], "TTL": 60}
        record["ResourceRecords"] = [{"Value": record.pop("Value")}]
        change = {"Action": "UPSERT", "ResourceRecordSet": record}
        route53.change_resource_record_sets(HostedZoneId=zones[parent], ChangeBatch={"Changes": [change]})
        return arn

    return make


@pytest.fixture(scope="session")
def make_domain(aws: Callable[..., Any], make_certificate: Callable[..., str]) -> Callable[..., None]:
    """Gives an API a custom domain with a certificate of its region."""

    def make(domain: str, region: str, api_id: str) -> None:
        api = aws("apigatewayv2", region)
        api.create_domain_name(
            DomainName=domain,
            DomainNameConfigurations=[
                {"CertificateArn": make_certificate(domain, region), "EndpointType": "REGIONAL"}
            ],
        )
        api.create_api_mapping(DomainName=domain, ApiId=api_id, Stage="$default")

    return make


@pytest.fixture(scope="session")
def echo(sandbox: Status, make_api: Callable[..., str], make_domain: Callable[..., None]) -> Echo:
    """The echoing API in two regions, under one custom domain."""
    api_ids = {region: make_api("echo", region) for region in REGIONS}
    for region, api_id in api_ids.items():
        make_domain(DOMAIN, region, api_id)
    return Echo(sandbox, DOMAIN, api_ids)


@pytest.fixture
def outages(control: Callable[..., tuple[int, Any]]) -> Iterator[Outages]:
    """Takes regions down; all are up again afterwards."""
    regions = Outages(control)
    yield regions
    regions.heal_all()


@pytest.fixture
def buckets(sandbox: Status, aws: Callable[..., Any], outages: Outages) -> Buckets:
    """Two buckets that replicate to each other, of the test's own."""
    return Buckets(sandbox, aws, outages, f"copies-{next(_numbers)}")


@pytest.fixture
def maker(sandbox: Status, aws: Callable[..., Any], make_function: Callable[..., str]) -> Maker:
    """Makes roles, functions and queues of the test's own."""
    return Maker(aws, make_function)
