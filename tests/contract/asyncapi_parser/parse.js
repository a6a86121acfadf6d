// Reads an AsyncAPI document with the official parser and prints what it found, as JSON:
// whether it is a document, and every diagnostic with its severity (0 error, 1 warning, 2 information).
const { Parser, fromFile } = require("@asyncapi/parser");

fromFile(new Parser(), process.argv[2]).parse().then(({ document, diagnostics }) => {
  const found = diagnostics.map(({ severity, code, path, message }) => ({ severity, code, path: path.join("."), message }));
  const read = document && {
    version: document.version(),
    channels: document.channels().all().map((channel) => channel.address()),
    operations: document.operations().all().length,
  };
  process.stdout.write(JSON.stringify({ document: read ?? null, diagnostics: found }));
});
