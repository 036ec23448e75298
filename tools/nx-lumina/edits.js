/** Edits of files that name every project. Each adds one line, and fails if the place for it is gone. */
function edit(tree, path, change) {
  const before = tree.read(path, 'utf-8') ?? '';
  const after = change(before);
  if (after === before) {
    throw new Error(`${path} has no place for the new project any more: mend tools/nx-lumina/edits.js.`);
  }
  tree.write(path, after);
}

function importContracts(tree, packageName, layerOf) {
  edit(tree, 'pyproject.toml', (text) => text.replace('  "lumina_kit",\n  "lumina_contracts",\n]\ninclude', `  "${packageName}",\n  "lumina_kit",\n  "lumina_contracts",\n]\ninclude`));
  edit(tree, 'pyproject.toml', layerOf);
}

/** Apps stand beside each other in one layer. */
function addApp(tree, names) {
  importContracts(tree, names.package, (text) => text.replace(/", # apps$/m, ` | ${names.package}", # apps`));
  edit(tree, 'apps/platform/pyproject.toml', (text) =>
    text
      .replace('dependencies = [\n', `dependencies = [\n  "${names.distribution}",\n`)
      .replace('[tool.uv.sources]\n', `[tool.uv.sources]\n${names.distribution} = { workspace = true }\n`),
  );
  edit(tree, 'apps/platform/lumina_platform/apps.py', (text) =>
    text.replace(
      '    # generated apps above this line',
      `    "${names.name}": "${names.package}.api",\n    # generated apps above this line`,
    ),
  );
}

/** Libraries share one layer between the apps and the kit. */
function addLib(tree, names) {
  importContracts(tree, names.package, (text) =>
    / # libraries$/m.test(text)
      ? text.replace(/", # libraries$/m, ` | ${names.package}", # libraries`)
      : text.replace(/(", # apps\n)/, `$1  "${names.package}", # libraries\n`),
  );
}

module.exports = { addApp, addLib };
