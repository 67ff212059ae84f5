// Parses every line of standard input as JSON, and does nothing else: what `simulate` is measured against.
let rest = "";
let records = 0;
for await (const chunk of process.stdin.setEncoding("utf8")) {
  const lines = `${rest}${chunk}`.split("\n");
  rest = lines.pop() ?? "";
  for (const line of lines) {
    JSON.parse(line);
    records++;
  }
}
console.log(JSON.stringify({ records }));
