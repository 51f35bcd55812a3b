"""The data: one global table, and a bucket of receipts in each region that replicates to the other.

The table is created in the primary with a replica in the standby; both have point-in-time recovery, streams
and encryption. A role's ARNs must name its own region's replica: `Table.arns`. Buckets replicate both ways,
so that nothing has to be turned round for a failback. Versioning comes before replication on both sides: S3
refuses it otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi_aws.s3 import (
    BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs as AbortUploadArgs,
)
from pulumi_aws.s3 import BucketLifecycleConfigurationRuleArgs as LifecycleRuleArgs
from pulumi_aws.s3 import BucketLifecycleConfigurationRuleFilterArgs as LifecycleFilterArgs
from pulumi_aws.s3 import (
    BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs as OldVersionsArgs,
)
from pulumi_aws.s3 import BucketReplicationConfigRuleArgs as ReplicationRuleArgs
from pulumi_aws.s3 import BucketReplicationConfigRuleDeleteMarkerReplicationArgs as DeleteMarkersArgs
from pulumi_aws.s3 import BucketReplicationConfigRuleDestinationArgs as DestinationArgs
from pulumi_aws.s3 import BucketReplicationConfigRuleDestinationMetricsArgs as MetricsArgs
from pulumi_aws.s3 import BucketReplicationConfigRuleDestinationMetricsEventThresholdArgs as ThresholdArgs
from pulumi_aws.s3 import BucketReplicationConfigRuleDestinationReplicationTimeArgs as ReplicationTimeArgs
from pulumi_aws.s3 import BucketReplicationConfigRuleDestinationReplicationTimeTimeArgs as TimeArgs
from pulumi_aws.s3 import BucketReplicationConfigRuleFilterArgs as ReplicationFilterArgs
from pulumi_aws.s3 import BucketReplicationConfigRuleSourceSelectionCriteriaArgs as SelectionArgs
from pulumi_aws.s3 import (
    BucketReplicationConfigRuleSourceSelectionCriteriaReplicaModificationsArgs as ModificationsArgs,
)
from pulumi_aws.s3 import (
    BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs as EncryptionArgs,
)
from pulumi_aws.s3 import BucketServerSideEncryptionConfigurationRuleArgs as EncryptionRuleArgs

from drlib.deployed.names import partition
from drlib.stack.program.component import (
    Component,
    Scope,
    deny_plain_text,
    document,
    foreseen,
    statement,
    trust,
)

NONCURRENT_DAYS = 30
ABORT_UPLOAD_DAYS = 7
REPLICATION_RULE = "receipts"
REPLICATION_MINUTES = 15  # the one value that S3 replication time control takes


@dataclass(frozen=True)
class DataArgs:
    """The two regions of the data."""

    primary_region: str
    standby_region: str


class Table(Component):
    """The global table. `arns` has each region's own."""

    def __init__(self, name: str, args: DataArgs, scope: Scope) -> None:
        super().__init__("Table", name)
        self.name = scope.names.shared("payments")
        self.table = aws.dynamodb.Table(
            name,
            region=args.primary_region,
            name=self.name,
            billing_mode="PAY_PER_REQUEST",
            hash_key="pk",
            range_key="sk",
            attributes=[
                aws.dynamodb.TableAttributeArgs(name="pk", type="S"),
                aws.dynamodb.TableAttributeArgs(name="sk", type="S"),
            ],
            stream_enabled=True,
            stream_view_type="NEW_AND_OLD_IMAGES",
            point_in_time_recovery=aws.dynamodb.TablePointInTimeRecoveryArgs(enabled=True),
            server_side_encryption=aws.dynamodb.TableServerSideEncryptionArgs(enabled=True),
            deletion_protection_enabled=scope.protect_data,
            replicas=[
                aws.dynamodb.TableReplicaArgs(
                    region_name=args.standby_region,
                    point_in_time_recovery=True,
                    propagate_tags=True,
                    deletion_protection_enabled=scope.protect_data,
                )
            ],
            tags=scope.tagged(self.name),
            opts=self.child(),
        )
        # The table's own output, not its name: what uses it must wait for it.
        self.arns = {
            region: self.table.name.apply(
                lambda called, at=region: scope.arn("dynamodb", at, f"table/{called}")
            )
            for region in (args.primary_region, args.standby_region)
        }
        self.register_outputs({})


class Receipts(Component):
    """The buckets, by region, and what must be so before anything is written: see the module."""

    def __init__(self, name: str, args: DataArgs, scope: Scope) -> None:
        super().__init__("Receipts", name)
        self.scope = scope
        self.buckets: dict[str, aws.s3.Bucket] = {}
        self.arns: dict[str, pulumi.Output[str]] = {}
        self.versioning: dict[str, aws.s3.BucketVersioning] = {}
        pairs = {args.primary_region: args.standby_region, args.standby_region: args.primary_region}
        for region in pairs:
            self._bucket(f"{name}-{region}", region)
            self._guard(f"{name}-{region}", region)
        for source, destination in pairs.items():
            self._replicate(f"{name}-{source}", source, destination)
        self.register_outputs({})

    def _bucket(self, name: str, region: str) -> None:
        scope = self.scope
        called = scope.names.bucket("receipts", region)
        bucket = self.buckets[region] = aws.s3.Bucket(
            name,
            region=region,
            bucket=called,
            force_destroy=not scope.protect_data,
            tags=scope.tagged(called),
            opts=self.child(),
        )
        self.arns[region] = foreseen(bucket.arn, f"arn:{partition(region)}:s3:::{called}")
        self.versioning[region] = aws.s3.BucketVersioning(
            f"{name}-versioning",
            region=region,
            bucket=bucket.id,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=self.child(),
        )
        aws.s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            region=region,
            bucket=bucket.id,
            rules=[
                LifecycleRuleArgs(
                    id="old-versions",
                    status="Enabled",
                    filter=LifecycleFilterArgs(prefix=""),
                    noncurrent_version_expiration=OldVersionsArgs(noncurrent_days=NONCURRENT_DAYS),
                    abort_incomplete_multipart_upload=AbortUploadArgs(
                        days_after_initiation=ABORT_UPLOAD_DAYS
                    ),
                )
            ],
            opts=self.child(depends_on=[self.versioning[region]]),
        )

    def _guard(self, name: str, region: str) -> None:
        """Encrypted, never public, owned by the bucket's owner, and TLS only."""
        bucket = self.buckets[region]
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            region=region,
            bucket=bucket.id,
            rules=[
                EncryptionRuleArgs(
                    apply_server_side_encryption_by_default=EncryptionArgs(sse_algorithm="AES256")
                )
            ],
            opts=self.child(),
        )
        aws.s3.BucketOwnershipControls(
            f"{name}-ownership",
            region=region,
            bucket=bucket.id,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=self.child(),
        )
        closed = aws.s3.BucketPublicAccessBlock(
            f"{name}-public-access",
            region=region,
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self.child(),
        )
        aws.s3.BucketPolicy(
            f"{name}-policy",
            region=region,
            bucket=bucket.id,
            policy=document(
                deny_plain_text("s3:*", [self.arns[region], pulumi.Output.concat(self.arns[region], "/*")]),
            ),
            opts=self.child(depends_on=[closed]),
        )

    def _replicate(self, name: str, source: str, destination: str) -> None:
        role = self._replication_role(name, source, destination)
        within = REPLICATION_MINUTES
        rule = ReplicationRuleArgs(
            id=REPLICATION_RULE,
            status="Enabled",
            priority=1,
            filter=ReplicationFilterArgs(prefix=""),
            delete_marker_replication=DeleteMarkersArgs(status="Enabled"),
            source_selection_criteria=SelectionArgs(
                replica_modifications=ModificationsArgs(status="Enabled")
            ),
            destination=DestinationArgs(
                bucket=self.arns[destination],
                storage_class="STANDARD",
                metrics=MetricsArgs(status="Enabled", event_threshold=ThresholdArgs(minutes=within)),
                replication_time=ReplicationTimeArgs(status="Enabled", time=TimeArgs(minutes=within)),
            ),
        )
        aws.s3.BucketReplicationConfig(
            f"{name}-replication",
            region=source,
            bucket=self.buckets[source].id,
            role=foreseen(
                role.arn, self.scope.role_arn(source, self.scope.names.regional("replication", source))
            ),
            rules=[rule],
            opts=self.child(depends_on=[self.versioning[source], self.versioning[destination]]),
        )

    def _replication_role(self, name: str, source: str, destination: str) -> aws.iam.Role:
        """One role for each direction, with what replication needs and no more."""
        called = self.scope.names.regional("replication", source)
        role = aws.iam.Role(
            f"{name}-replication-role",
            name=called,
            assume_role_policy=trust("s3.amazonaws.com"),
            tags=self.scope.tagged(called),
            opts=self.child(),
        )
        origin, target = self.arns[source], self.arns[destination]
        aws.iam.RolePolicy(
            f"{name}-replication-policy",
            name="replicate",
            role=role.name,
            policy=document(
                statement(["s3:GetReplicationConfiguration", "s3:ListBucket"], origin),
                statement(
                    [
                        "s3:GetObjectVersionForReplication",
                        "s3:GetObjectVersionAcl",
                        "s3:GetObjectVersionTagging",
                    ],
                    pulumi.Output.concat(origin, "/*"),
                ),
                statement(
                    ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"],
                    pulumi.Output.concat(target, "/*"),
                ),
            ),
            opts=self.child(),
        )
        return role
