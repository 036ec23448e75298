const { generateFiles } = require('@nx/devkit');
const { join } = require('node:path');
const { addLib } = require('./edits');
const { namesOf } = require('./names');

/** A shared library with its test, and its place in the workspace and the import contracts. */
module.exports = async function lib(tree, options) {
  const names = namesOf(tree, options.name);
  generateFiles(tree, join(__dirname, 'files/lib'), `libs/shared/${names.name}`, names);
  addLib(tree, names);
};
