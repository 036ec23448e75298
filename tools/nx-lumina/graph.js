const { readFileSync, existsSync } = require('node:fs');
const { join } = require('node:path');

const SOURCE = /^([a-z0-9-]+) = \{ workspace = true \}$/gm;
const NAME = /^name = "([a-z0-9-]+)"$/m;

/** The edges of the graph: what a project's pyproject.toml takes from the workspace. */
function createDependencies(_options, context) {
  const manifests = Object.entries(context.projects)
    .map(([project, { root }]) => ({ project, file: join(root, 'pyproject.toml') }))
    .filter(({ file }) => existsSync(join(context.workspaceRoot, file)))
    .map(({ project, file }) => ({ project, file, text: readFileSync(join(context.workspaceRoot, file), 'utf-8') }));
  const projectOf = new Map(manifests.map(({ project, text }) => [NAME.exec(text)?.[1], project]));
  return manifests.flatMap(({ project, file, text }) =>
    [...text.matchAll(SOURCE)]
      .map(([, distribution]) => projectOf.get(distribution))
      .filter((target) => target !== undefined)
      .map((target) => ({ source: project, target, sourceFile: file, type: 'static' })),
  );
}

module.exports = { name: 'nx-lumina', createDependencies };
