// node compile.js MODULES CONTRACTS: compiles CONTRACTS/*.sol with MODULES/solc and prints {"Name": "0xbytecode"}.
const fs = require('fs');
const path = require('path');
const [modules, folder] = process.argv.slice(2).map((p) => path.resolve(p));
const solc = require(path.join(modules, 'solc'));
const sources = {};
for (const name of fs.readdirSync(folder).filter((n) => n.endsWith('.sol')).sort()) {
  sources[name] = { content: fs.readFileSync(path.join(folder, name), 'utf8') };
}
const output = JSON.parse(solc.compile(JSON.stringify({
  language: 'Solidity',
  sources,
  settings: { evmVersion: 'paris', optimizer: { enabled: true }, outputSelection: { '*': { '*': ['evm.bytecode.object'] } } },
})));
const errors = (output.errors || []).filter((e) => e.severity === 'error');
if (errors.length) {
  process.stderr.write(errors.map((e) => e.formattedMessage).join('\n'));
  process.exit(1);
}
const all = {};
for (const contracts of Object.values(output.contracts)) {
  for (const [name, c] of Object.entries(contracts)) all[name] = '0x' + c.evm.bytecode.object;
}
process.stdout.write(JSON.stringify(all));
