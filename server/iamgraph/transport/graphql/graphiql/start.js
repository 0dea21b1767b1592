// Signing in here sets a session cookie, which the header below makes usable: no token has to be copied.
const hello = `# Sign in first; the session stays in a cookie that no script can read.
mutation SignIn($email: String!, $password: String!) {
  signInAsRoot(input: { email: $email, password: $password }) {
    __typename
    ... on SignInSuccess { expiresAt viewer { arn account { accountId } } }
    ... on Error { code message }
  }
}

query Viewer { viewer { arn account { accountId signInUrl users(first: 10) { nodes { name arn } } } } }
`;
const fetcher = async (request) => {
  const answer = await fetch("/graphql", {
    method: "POST",
    headers: { "Content-Type": "application/json", "Accept": "application/json", "Iamgraph-Request": "graphiql" },
    body: JSON.stringify(request),
    credentials: "same-origin",
  });
  return answer.json();
};
ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, { fetcher, defaultQuery: hello, shouldPersistHeaders: false })
);
