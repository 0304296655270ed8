// Plays a whole evaluation year through somebody else's GraphQL client (graphql-request).
// Arguments: address of the service, sheet, plan file. The password is in DAICHO_TEST_PASSWORD,
// the folder of the npm packages in DAICHO_NODE_MODULES.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [address, sheetFile, planFile] = process.argv.slice(2);
const password = process.env.DAICHO_TEST_PASSWORD;
const modules = createRequire(process.env.DAICHO_NODE_MODULES + "/");
const { GraphQLClient, gql } = await import(pathToFileURL(modules.resolve("graphql-request")).href);

const R3 = "R3";
const REFUSED = `__typename
  ... on Refusal { code message messageJa }`;

function client(token) {
  return new GraphQLClient(`${address}/graphql`, {
    headers: token ? { authorization: `Bearer ${token}` } : {},
  });
}

const anybody = client();

async function signIn(name) {
  const { signIn } = await anybody.request(
    gql`mutation ($name: String!, $password: String!) {
      signIn(name: $name, password: $password) { __typename ... on SignedIn { accessToken } }
    }`,
    { name, password },
  );
  assert.equal(signIn.__typename, "SignedIn", name);
  return client(signIn.accessToken);
}

// Gives a command; what comes back is the answer's one field.
async function give(who, mutation, type, input) {
  const document = `mutation ($input: ${type}!) { result: ${mutation}(input: $input) {
    ${REFUSED}
    ... on CommandDone { position events replayed created }
    ... on StaleVersion { seenRevision currentRevision changedByName now }
    ... on NotComplete { missing { indicator stage } }
    ... on SeparationOfDuties { rule }
  } }`;
  const { result } = await who.request(document, { input: { commandId: randomUUID(), ...input } });
  return result;
}

async function done(who, mutation, type, input) {
  const result = await give(who, mutation, type, input);
  assert.equal(result.__typename, "CommandDone", `${mutation}: ${JSON.stringify(result)}`);
  return result;
}

async function refused(who, mutation, type, input, typename) {
  const result = await give(who, mutation, type, input);
  assert.equal(result.__typename, typename, `${mutation}: ${JSON.stringify(result)}`);
  assert.ok(result.message.length > 10 && result.messageJa.length > 5, JSON.stringify(result));
  return result;
}

// ---- The administrator opens accounts, the planning office the plan and the year. ----

const admin = await signIn("admin");
const { municipalities } = await admin.request(gql`{ municipalities { id name } }`);
const municipality = municipalities[0].id;
const { departments } = await admin.request(
  gql`query ($id: ID!) { departments(municipality: $id) { id name } }`,
  { id: municipality },
);

async function open(signInName, name, role, department) {
  const { created: account } = await done(admin, "openAccount", "OpenAccountInput", {
    municipality, name, signInName, password,
  });
  await done(admin, "giveGrant", "GiveGrantInput", {
    account, role, municipality, department: department?.id, from: "2020-04-01",
  });
  return signIn(signInName);
}

const planning = await open("planning", "企画 花子", "planning");
const second = await open("planning.2", "企画 次郎", "planning");
const auditor = await open("auditor", "監査 三郎", "auditor");
const staff = new Map();
const approver = new Map();
for (const [index, department] of departments.entries()) {
  staff.set(department.id, await open(`staff.${index}`, `担当 ${index}`, "staff", department));
  approver.set(department.id, await open(`approver.${index}`, `課長 ${index}`, "approver", department));
}
await refused(admin, "giveGrant", "GiveGrantInput", {
  account: (await admin.request(gql`{ viewer { account } }`)).viewer.account,
  role: "planning", municipality, from: "2020-04-01",
}, "SeparationOfDuties");

const { importSheet } = await planning.request(
  `mutation ($input: ImportSheetInput!) { importSheet(input: $input) { ${REFUSED} ... on ImportDone { isBlocked plan lines } } }`,
  {
    input: {
      commandId: randomUUID(), fileName: "sheet.tsv", withResults: false,
      contentBase64: readFileSync(sheetFile).toString("base64"), planFile: readFileSync(planFile, "utf8"),
    },
  },
);
assert.equal(importSheet.__typename, "ImportDone", JSON.stringify(importSheet));
const plan = importSheet.plan;
const year = { plan, fiscalYear: R3 };

const sheet = async (who) => (await who.request(
  gql`query ($plan: ID!, $fiscalYear: FiscalYear!) {
    sheet(plan: $plan, fiscalYear: $fiscalYear) {
      summary { kpis achieved notAchieved notEvaluable undecided }
      goals {
        numericGoals { ...row }
        policies { measures { projects { rows { ...row } } } }
      }
    }
  }
  fragment row on Row { placement indicator kind sourceLine stage department { id } }`,
  year,
)).sheet;

function rows(sheet) {
  return sheet.goals.flatMap((goal) => [
    ...goal.numericGoals,
    ...goal.policies.flatMap((policy) => policy.measures.flatMap((measure) => measure.projects.flatMap((project) => project.rows))),
  ]);
}

async function report(who, indicator) {
  const { report } = await who.request(
    gql`query ($plan: ID!, $indicator: ID!, $fiscalYear: FiscalYear!) {
      report(plan: $plan, indicator: $indicator, fiscalYear: $fiscalYear) {
        revision content stage isStale hasFigure places { placement }
      }
    }`,
    { ...year, indicator },
  );
  return report;
}

const all = rows(await sheet(planning));
assert.equal(all.length, 56);
const byLine = (line) => all.find((row) => row.sourceLine === line);
const one = byLine(119);
const clerk = staff.get(one.department.id);
const head = approver.get(one.department.id);
const otherHead = [...approver.entries()].find(([id]) => id !== one.department.id)[1];
const of = (row) => ({ ...year, indicator: row.indicator });

const early = await give(clerk, "enterActual", "EnterActualInput", { ...of(one), text: "75.0", seenRevision: 0 });
assert.equal(early.__typename, "PeriodNotOpen", JSON.stringify(early));
await done(planning, "openPeriod", "OpenPeriodInput", { ...year, due: "2030-05-20" });

// ---- One figure in detail. ----

async function enter(who, row, text, status, reason) {
  let { revision, hasFigure, places } = await report(who, row.indicator);
  if (hasFigure) {
    await done(who, "enterActual", "EnterActualInput", { ...of(row), text, status, seenRevision: revision, reason });
  }
  for (const { placement } of places) {
    ({ revision } = await report(who, row.indicator));
    await done(who, "writeCommentary", "WriteCommentaryInput", {
      ...of(row), placement, seenRevision: revision, reason,
      cause: "受検者のおよそ四分の三が合格した。", nextAction: "受検の機会を広げる。",
    });
  }
}

async function submit(who, row) {
  const { revision } = await report(who, row.indicator);
  await done(who, "submitReport", "SubmitReportInput", { ...of(row), seenRevision: revision });
}

async function withContent(who, row) {
  return { ...of(row), content: (await report(who, row.indicator)).content };
}

await enter(clerk, one, "７５．０");
const stale = await refused(clerk, "enterActual", "EnterActualInput", { ...of(one), text: "74", seenRevision: 0 }, "StaleVersion");
assert.ok(stale.changedByName.startsWith("担当"), JSON.stringify(stale));
await submit(clerk, one);
await refused(clerk, "approveReport", "ApproveReportInput", await withContent(clerk, one), "Forbidden");
await refused(otherHead, "approveReport", "ApproveReportInput", await withContent(clerk, one), "Forbidden");
await refused(head, "returnReport", "ReturnReportInput", { ...of(one), comment: " ", cell: { kind: "actual" } }, "Invalid");
await done(head, "returnReport", "ReturnReportInput", { ...of(one), comment: "人数を確認してください。", cell: { kind: "actual" } });
assert.equal((await report(clerk, one.indicator)).stage, "returned");
const beforeRevision = await withContent(head, one);
const revised = await report(clerk, one.indicator);
await done(clerk, "enterActual", "EnterActualInput", { ...of(one), text: "75.1", seenRevision: revised.revision });
await submit(clerk, one);
await refused(head, "approveReport", "ApproveReportInput", beforeRevision, "StaleContent");
await done(head, "approveReport", "ApproveReportInput", await withContent(head, one));
await refused(planning, "publishSheet", "PublishSheetInput", year, "NotComplete");
await done(planning, "acceptReport", "AcceptReportInput", await withContent(planning, one));

// The same command id twice is one command; with another content it is refused.
const commandId = randomUUID();
const due = { ...year, due: "2030-05-31", reason: "議会の日程による" };
assert.equal((await done(planning, "changeDueDate", "ChangeDueDateInput", { ...due, commandId })).replayed, false);
assert.equal((await done(planning, "changeDueDate", "ChangeDueDateInput", { ...due, commandId })).replayed, true);
await refused(planning, "changeDueDate", "ChangeDueDateInput", { ...due, due: "2030-06-30", commandId }, "CommandIdReused");

// ---- Everything else, then publication. ----

const figures = new Map(JSON.parse(process.env.DAICHO_TEST_FIGURES));
const seen = new Set([one.indicator]);
for (const row of all) {
  if (seen.has(row.indicator)) continue;
  seen.add(row.indicator);
  const figure = figures.get(row.sourceLine);
  await enter(staff.get(row.department.id), row, figure?.text, figure?.status);
  await submit(staff.get(row.department.id), row);
  await done(approver.get(row.department.id), "approveReport", "ApproveReportInput", await withContent(planning, row));
  await done(planning, "acceptReport", "AcceptReportInput", await withContent(planning, row));
}
const published = gql`query ($plan: ID!, $fiscalYear: FiscalYear!) {
  publishedSheet(plan: $plan, fiscalYear: $fiscalYear) {
    publication { number reason }
    sheet {
      summary { kpis evaluable achieved notAchieved notEvaluable }
      goals { policies { measures { projects { rows { indicator actuals { fiscalYear cell { display } } } } } } }
    }
  }
}`;
await assert.rejects(anybody.request(published, year), "nothing is published yet");
await assert.rejects(anybody.request(gql`query ($plan: ID!, $fiscalYear: FiscalYear!) { sheet(plan: $plan, fiscalYear: $fiscalYear) { title } }`, year));
await done(second, "publishSheet", "PublishSheetInput", year);

const publicFigure = async () => {
  const { publishedSheet } = await anybody.request(published, year);
  const row = publishedSheet.sheet.goals
    .flatMap((goal) => goal.policies.flatMap((policy) => policy.measures.flatMap((measure) => measure.projects.flatMap((project) => project.rows))))
    .find((row) => row.indicator === one.indicator);
  return { ...publishedSheet, figure: row.actuals.find((actual) => actual.fiscalYear === R3).cell.display };
};
const first = await publicFigure();
assert.deepEqual(first.sheet.summary, { kpis: 46, evaluable: 41, achieved: 21, notAchieved: 20, notEvaluable: 5 });
assert.equal(first.figure, "75.1");

// ---- After publication. ----

const late = await report(clerk, one.indicator);
await refused(clerk, "enterActual", "EnterActualInput", { ...of(one), text: "75.4", seenRevision: late.revision }, "WrongStage");
const reason = { code: "calculation_error", text: "86÷114は75.4%である。" };
await done(planning, "unlockReport", "UnlockReportInput", {
  ...of(one), cell: { kind: "actual" }, reason, expiresAt: new Date(Date.now() + 86_400_000).toISOString(),
});
await refused(clerk, "enterActual", "EnterActualInput", { ...of(one), text: "75.4", seenRevision: late.revision }, "Invalid");
await done(clerk, "enterActual", "EnterActualInput", { ...of(one), text: "75.4", seenRevision: late.revision, reason });
assert.equal((await publicFigure()).figure, "75.1", "the public reads what was published");
await submit(clerk, one);
await done(head, "approveReport", "ApproveReportInput", await withContent(head, one));
await done(planning, "acceptReport", "AcceptReportInput", await withContent(planning, one));
await refused(second, "publishSheet", "PublishSheetInput", year, "Invalid");
await done(second, "publishSheet", "PublishSheetInput", { ...year, reason: "英語検定合格率の訂正" });
const corrected = await publicFigure();
assert.deepEqual([corrected.publication.number, corrected.figure], [2, "75.4"]);

// ---- The auditor. ----

const historyOf = gql`query ($plan: ID!, $indicator: ID!, $fiscalYear: FiscalYear!) {
  figureHistory(plan: $plan, indicator: $indicator, fiscalYear: $fiscalYear) {
    at event kind from to reason commandId actor { name role }
  }
}`;
const { figureHistory: history } = await auditor.request(historyOf, of(one));
const names = (event) => history.filter((entry) => entry.event === event);
assert.ok(names("actual-entered.v1")[0].actor.name.startsWith("担当"));
assert.deepEqual([names("actual-revised.v1")[0].from, names("actual-revised.v1")[0].to], ["75.0", "75.1"]);
const correction = names("actual-corrected.v1")[0];
assert.deepEqual([correction.from, correction.to], ["75.1", "75.4"]);
assert.ok(correction.reason.includes("86÷114"));
assert.equal(names("report-returned.v1")[0].reason, "人数を確認してください。");
assert.equal(names("report-approved.v1").length, 2);
assert.equal(names("correction-published.v1")[0].actor.name, "企画 次郎");
assert.ok(names("command-refused.v1").length >= 6, JSON.stringify(names("command-refused.v1")));
assert.ok(history.every((entry) => entry.at && entry.actor.name && entry.actor.role), JSON.stringify(history));
const { figureHistory: own } = await clerk.request(historyOf, of(one));
assert.equal(own.filter((entry) => entry.event === "command-refused.v1").length, 0, "refusals are the auditor's to read");
await assert.rejects(anybody.request(historyOf, of(one)));
const otherClerk = [...staff.entries()].find(([id]) => id !== one.department.id)[1];
await assert.rejects(otherClerk.request(historyOf, of(one)));
const noCommand = await give(auditor, "closePeriod", "ClosePeriodInput", year);
assert.equal(noCommand.__typename, "Forbidden");
const { refusals } = await auditor.request(
  gql`query ($id: ID!) { refusals(municipality: $id) { command code } }`,
  { id: municipality },
);
assert.ok(refusals.some((refusal) => refusal.code === "separation_of_duties"));

console.log(`the year was played: ${history.length} lines of history for one figure, ${refusals.length} refusals`);
