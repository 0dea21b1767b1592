// What a program does with AWS's SDK for JavaScript: it lists users, assumes a role, and asks as that role. All that it is
// told is in the environment, as for any program of AWS's: the endpoint, the region and an access key.
import { IAMClient, NoSuchEntityException, GetRoleCommand, GetUserCommand, paginateListUsers } from "@aws-sdk/client-iam";
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

const refusal = async (asked) => {
  try {
    await asked;
  } catch (error) {
    const { name, message, $fault: fault, $metadata: metadata } = error;
    return { name, message, fault, status: metadata.httpStatusCode, isModeled: error instanceof NoSuchEntityException };
  }
  throw new Error("was not refused");
};

const iam = new IAMClient();
const pages = [];
for await (const page of paginateListUsers({ client: iam, pageSize: 2 }, {})) {
  pages.push(page.Users.map(({ UserName, Path, Arn, CreateDate }) => ({ UserName, Path, Arn, isDate: CreateDate instanceof Date })));
}

const sts = new STSClient();
const { Role } = await iam.send(new GetRoleCommand({ RoleName: "ops" }));
const assumed = await sts.send(
  new AssumeRoleCommand({ RoleArn: Role.Arn, RoleSessionName: "run", Tags: [{ Key: "job", Value: "7" }], DurationSeconds: 900 }),
);
const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, SessionToken: sessionToken } = assumed.Credentials;
const credentials = { accessKeyId, secretAccessKey, sessionToken };
const session = new IAMClient({ credentials });

console.log(
  JSON.stringify({
    pages,
    trust: decodeURIComponent(Role.AssumeRolePolicyDocument),
    caller: (await sts.send(new GetCallerIdentityCommand())).Arn,
    assumed: (await new STSClient({ credentials }).send(new GetCallerIdentityCommand())).Arn,
    secondsLeft: (assumed.Credentials.Expiration - Date.now()) / 1000,
    found: (await session.send(new GetUserCommand({ UserName: "alice" }))).User?.Tags,
    denied: await refusal(session.send(new GetRoleCommand({ RoleName: "ops" }))),
    missing: await refusal(iam.send(new GetUserCommand({ UserName: "ghost" }))),
  }),
);
