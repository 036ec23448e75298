const { generateFiles } = require('@nx/devkit');
const { join } = require('node:path');
const { addApp } = require('./edits');
const { namesOf } = require('./names');

/** An app with one route, its test, and its place in the root, the workspace and the import contracts. */
module.exports = async function app(tree, options) {
  const names = namesOf(tree, options.name);
  generateFiles(tree, join(__dirname, 'files/app'), `apps/${names.name}`, names);
  addApp(tree, names);
};
