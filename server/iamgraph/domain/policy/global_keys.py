"""The global condition keys, with their types (IAM User Guide, "AWS global condition context keys")."""

from __future__ import annotations

from typing import Final

from .reference import ConditionKey

_SINGLE: Final = {
    "String": (
        "aws:PrincipalAccount", "aws:PrincipalOrgID", "aws:PrincipalTag/${TagKey}", "aws:PrincipalServiceName",
        "aws:PrincipalType", "aws:userid", "aws:username", "aws:FederatedProvider", "aws:Ec2InstanceSourceVpc",
        "aws:SourceIdentity", "aws:SourceVpc", "aws:SourceVpce", "aws:VpceAccount", "aws:VpceOrgID",
        "aws:ResourceAccount", "aws:ResourceOrgID", "aws:ResourceTag/${TagKey}", "aws:CalledViaFirst",
        "aws:CalledViaLast", "aws:CalledViaAWSMCP", "aws:referer", "aws:RequestedRegion", "aws:RequestTag/${TagKey}",
        "aws:SourceAccount", "aws:SourceOrgID", "aws:UserAgent", "aws:AssumedRoot",
    ),
    "ARN": ("aws:PrincipalArn", "aws:ChatbotSourceArn", "aws:SignInSessionArn", "aws:SourceVpcArn", "aws:SourceArn"),
    "Bool": (
        "aws:PrincipalIsAWSService", "aws:MultiFactorAuthPresent", "aws:ViaAWSService", "aws:ViaAWSMCPService",
        "aws:SecureTransport", "aws:IsMcpServiceAction",
    ),
    "Date": ("aws:TokenIssueTime", "aws:CurrentTime", "aws:EpochTime"),
    "Numeric": ("aws:MultiFactorAuthAge",),
    "IPAddress": ("aws:SourceIp", "aws:VpcSourceIp", "aws:Ec2InstanceSourcePrivateIPv4"),
}  # fmt: skip
_MULTIVALUED: Final = (
    "aws:PrincipalOrgPaths", "aws:PrincipalServiceNamesList", "aws:VpceOrgPaths", "aws:ResourceOrgPaths",
    "aws:CalledVia", "aws:TagKeys", "aws:SourceOrgPaths",
)  # fmt: skip
_ALL: Final = (
    *(ConditionKey(name=name, type=kind) for kind, names in _SINGLE.items() for name in names),
    *(ConditionKey(name=name, type="String", is_multivalued=True) for name in _MULTIVALUED),
)

_CROSS_SERVICE: Final = {
    "ARN": (
        "ec2:SourceInstanceArn", "codebuild:BuildArn", "codebuild:ProjectArn", "lambda:SourceFunctionArn",
        "ssm:SourceInstanceArn",
    ),
    "String": ("glue:RoleAssumedBy", "glue:CredentialIssuingService", "identitystore:UserId"),
    "Numeric": ("ec2:RoleDelivery",),
}  # fmt: skip

GLOBAL_KEYS: Final = {key.name.lower(): key for key in _ALL}
"""By name in lower case. Names of keys ignore case."""

CROSS_SERVICE_KEYS: Final = {
    name.lower(): ConditionKey(name=name, type=kind) for kind, names in _CROSS_SERVICE.items() for name in names
}
"""Keys with the prefix of a service that requests to every service can carry."""

_OF_SESSIONS: Final = frozenset({
    "aws:userid", "aws:username", "aws:assumedroot", "aws:chatbotsourcearn", "aws:ec2instancesourceprivateipv4",
    "aws:ec2instancesourcevpc", "aws:federatedprovider", "aws:multifactorauthage", "aws:multifactorauthpresent",
    "aws:signinsessionarn", "aws:sourceidentity", "aws:tokenissuetime", *CROSS_SERVICE_KEYS,
})  # fmt: skip


def is_of_principal(key: str) -> bool:
    """Whether a context key says who asks (the user guide's properties of the principal and of a role session), whatever
    its case: such a key comes from the credentials, never from who makes the request."""
    name = key.lower()
    # What an identity provider has said begins with its domain name, as no service's prefix does.
    is_of_provider = "." in name.partition(":")[0]
    return name.startswith("aws:principal") or name in _OF_SESSIONS or is_of_provider


REGIONS: Final = frozenset({
    "af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1",
    "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5",
    "ap-southeast-6", "ap-southeast-7", "ca-central-1", "ca-west-1", "cn-north-1", "cn-northwest-1", "eu-central-1",
    "eu-central-2", "eu-isoe-west-1", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3",
    "eusc-de-east-1", "il-central-1", "me-central-1", "me-south-1", "mx-central-1", "sa-east-1",
    "us-east-1", "us-east-2", "us-gov-east-1", "us-gov-west-1", "us-iso-east-1", "us-iso-west-1",
    "us-isob-east-1", "us-isob-west-1", "us-isof-east-1", "us-isof-south-1", "us-west-1", "us-west-2",
})  # fmt: skip
"""The Regions of all partitions."""

VPCE_KEYS: Final = frozenset({"aws:vpceaccount", "aws:vpceorgid", "aws:vpceorgpaths"})
VPCE_SERVICES: Final = frozenset({
    "acm-pca", "applicationinsights", "apprunner", "athena", "b2bi", "cassandra", "cloudformation", "cognito-identity",
    "comprehendmedical", "compute-optimizer", "datasync", "discovery", "dms", "ds-data", "dynamodb", "ebs", "ecr", "ecs",
    "firehose", "gamelift", "healthlake", "iam", "identitystore", "iotfleetwise", "iottwinmaker", "iotwireless",
    "kinesisanalytics", "kms", "lambda", "medical-imaging", "network-firewall", "omics", "payment-cryptography", "polly",
    "pricing", "rbin", "rekognition", "route53", "s3", "scheduler", "servicediscovery", "servicequotas", "ses", "shield",
    "sms-voice", "sqs", "ssm-contacts", "storagegateway", "textract", "transcribe", "transfer", "workmail",
})  # fmt: skip
"""The services whose requests carry at least one of VPCE_KEYS."""
