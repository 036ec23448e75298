/** The names of a project: `feature-store` is the folder, `lumina_feature_store` the package. */
function namesOf(tree, name) {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
    throw new Error(`"${name}" is not a name: lower-case words with hyphens, such as feature-store.`);
  }
  const taken = [`apps/${name}`, `libs/shared/${name}`].find((folder) => tree.exists(folder));
  if (taken) {
    throw new Error(`${taken} is there already.`);
  }
  return { name, distribution: `lumina-${name}`, package: `lumina_${name.replaceAll('-', '_')}`, tmpl: '' };
}

module.exports = { namesOf };
