// Answers each line of JSON on standard input, an identity provider's options, with a response in base64 on a line; first of
// all, on a line of its own, with its metadata.
const samlp = require("samlp");
const fs = require("fs");

const asked = fs.readFileSync(0, "utf8").trim().split("\n").map((line) => JSON.parse(line));

class Mapper {
  constructor(user) { this.user = user; }
  getClaims() { return this.user.claims; }
  getNameIdentifier() { return { nameIdentifier: this.user.id }; }
}

const { issuer, cert } = asked[0];
samlp.metadata({ issuer, cert })(
  { protocol: "https", headers: { host: "idp.test" }, originalUrl: "/sso" },
  { set() {}, send(xml) { console.log(Buffer.from(xml).toString("base64")); } },
);

const respond = (options) => new Promise((resolve, reject) => {
  const mapped = { ...options, profileMapper: (user) => new Mapper(user) };
  samlp.getSamlResponse(mapped, options.user, (error, response) => (error ? reject(error) : resolve(response)));
});

(async () => {
  for (const options of asked) console.log(Buffer.from(await respond(options)).toString("base64"));
})();
