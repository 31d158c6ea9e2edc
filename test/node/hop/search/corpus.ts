// Definitions as real servers publish them, over a dozen servers, and what people ask for: the set ranking is judged by.
import type { JsonObject } from '../../../../protocol/jsonrpc.ts'

/** A server: its namespace, and its tools. */
interface Server {
  readonly namespace: string
  readonly tools: readonly Definition[]
}

interface Definition extends JsonObject {
  readonly name: string
}

type Parameters = Readonly<Record<string, string | readonly [type: string, description: string]>>

/** Parameters by name with what is said of them; the required ones are named. */
function tool(
  name: string,
  description: string,
  parameters: Parameters = {},
  required: readonly string[] = [],
): Definition {
  const properties = Object.entries(parameters).map(([key, about]) => {
    const [type, said] = typeof about === 'string' ? ['string', about] : about
    return [key, { type, description: said }]
  })
  const inputSchema = { type: 'object', properties: Object.fromEntries(properties), required }
  return { name, description, inputSchema }
}

const FILES: Server = {
  namespace: 'docs',
  tools: [
    tool(
      'read_text_file',
      'Read the complete contents of a file from the file system as text. Handles various text encodings. Only works within allowed directories.',
      {
        path: 'Path of the file.',
        head: ['number', 'If provided, returns only the first N lines.'],
        tail: ['number', 'If provided, returns only the last N lines.'],
      },
      ['path'],
    ),
    tool(
      'write_file',
      'Create a new file or completely overwrite an existing file with new content. Use with caution as it will overwrite existing files without warning.',
      { path: 'Where to write.', content: 'The whole new content.' },
      ['path', 'content'],
    ),
    tool(
      'edit_file',
      'Make line-based edits to a text file. Each edit replaces exact line sequences with new content. Returns a git-style diff showing the changes made.',
      {
        path: 'Path of the file.',
        edits: ['array', 'Edits to apply, each oldText and newText.'],
        dryRun: ['boolean', 'Preview changes using git-style diff format.'],
      },
      ['path', 'edits'],
    ),
    tool(
      'list_directory',
      'Get a detailed listing of all files and directories in a specified path. Distinguishes between files and directories with [FILE] and [DIR] prefixes.',
      { path: 'Path of the directory.' },
      ['path'],
    ),
    tool(
      'move_file',
      'Move or rename files and directories. Can move files between directories and rename them in a single operation.',
      { source: 'Present path.', destination: 'New path.' },
      ['source', 'destination'],
    ),
    tool(
      'search_files',
      'Recursively search for files and directories matching a pattern. Returns full paths to all matching items.',
      {
        path: 'Where to start.',
        pattern: 'Glob pattern.',
        excludePatterns: ['array', 'Globs to leave out.'],
      },
      ['path', 'pattern'],
    ),
    tool(
      'get_file_info',
      'Retrieve detailed metadata about a file or directory: size, creation time, last modified time, permissions, and type.',
      { path: 'Path of the file or directory.' },
      ['path'],
    ),
  ],
}

const GITHUB: Server = {
  namespace: 'github',
  tools: [
    tool(
      'create_issue',
      'Open a new issue in a GitHub repository.',
      {
        owner: 'Repository owner.',
        repo: 'Repository name.',
        title: 'Issue title.',
        body: 'Issue body in Markdown.',
        labels: ['array', 'Labels to apply.'],
        assignees: ['array', 'Usernames to assign.'],
      },
      ['owner', 'repo', 'title'],
    ),
    tool(
      'list_pull_requests',
      'List pull requests in a repository, by state, head and base branch.',
      { owner: 'Repository owner.', repo: 'Repository name.', state: 'open, closed or all.' },
      ['owner', 'repo'],
    ),
    tool(
      'merge_pull_request',
      'Merge a pull request with the merge, squash or rebase method.',
      {
        owner: 'Repository owner.',
        repo: 'Repository name.',
        pullNumber: ['integer', 'Number of the pull request.'],
        mergeMethod: 'merge, squash or rebase.',
      },
      ['owner', 'repo', 'pullNumber'],
    ),
    tool(
      'search_code',
      'Search for code across all GitHub repositories using the code search syntax.',
      { q: 'Search query.', sort: 'Sort field.', perPage: ['integer', 'Results per page.'] },
      ['q'],
    ),
    tool(
      'add_issue_comment',
      'Add a comment to an existing issue or pull request.',
      {
        owner: 'Repository owner.',
        repo: 'Repository name.',
        issueNumber: ['integer', 'Number of the issue.'],
        body: 'Comment text.',
      },
      ['owner', 'repo', 'issueNumber', 'body'],
    ),
    tool(
      'create_branch',
      'Create a new branch in a repository, from another branch or a commit.',
      {
        owner: 'Repository owner.',
        repo: 'Repository name.',
        branch: 'Name of the new branch.',
        from: 'Source branch.',
      },
      ['owner', 'repo', 'branch'],
    ),
    tool(
      'get_workflow_run_logs',
      'Download the logs of all jobs of a GitHub Actions workflow run, to find out why a build failed.',
      {
        owner: 'Repository owner.',
        repo: 'Repository name.',
        runId: ['integer', 'Id of the run.'],
      },
      ['owner', 'repo', 'runId'],
    ),
    tool(
      'fork_repository',
      'Fork a repository to your account or to an organization.',
      { owner: 'Repository owner.', repo: 'Repository name.', organization: 'Where to fork to.' },
      ['owner', 'repo'],
    ),
  ],
}

const SLACK: Server = {
  namespace: 'slack',
  tools: [
    tool(
      'postMessage',
      'Post a message to a Slack channel or direct message conversation.',
      {
        channelId: 'Channel, DM or group.',
        text: 'Message text, mrkdwn.',
        threadTs: 'Thread to answer in.',
      },
      ['channelId', 'text'],
    ),
    tool('listChannels', 'List public and private channels of the workspace.', {
      limit: ['integer', 'Most channels to return.'],
      cursor: 'Pagination cursor.',
    }),
    tool(
      'getChannelHistory',
      'Get recent messages from a channel.',
      { channelId: 'The channel.', limit: ['integer', 'Most messages to return.'] },
      ['channelId'],
    ),
    tool(
      'addReaction',
      'React to a message with an emoji.',
      {
        channelId: 'The channel.',
        timestamp: 'Of the message.',
        reaction: 'Name of the emoji, without colons.',
      },
      ['channelId', 'timestamp', 'reaction'],
    ),
    tool(
      'getUserProfile',
      'Get detailed profile information for a specific user: real name, title, phone, status.',
      { userId: 'The user.' },
      ['userId'],
    ),
  ],
}

const CALENDAR: Server = {
  namespace: 'calendar',
  tools: [
    tool(
      'create_event',
      'Create a calendar event and invite attendees.',
      {
        summary: 'Title of the event.',
        start: 'Start, RFC 3339.',
        end: 'End, RFC 3339.',
        attendees: ['array', 'E-mail addresses of those invited.'],
        location: 'Where it takes place.',
      },
      ['summary', 'start', 'end'],
    ),
    tool('list_events', 'List upcoming events of a calendar between two times.', {
      timeMin: 'Lower bound, RFC 3339.',
      timeMax: 'Upper bound, RFC 3339.',
      calendarId: 'Default: primary.',
    }),
    tool(
      'find_free_slots',
      'Find times at which all given people are available, for scheduling a meeting.',
      {
        attendees: ['array', 'E-mail addresses.'],
        durationMinutes: ['integer', 'Length of the meeting.'],
      },
      ['attendees', 'durationMinutes'],
    ),
    tool('delete_event', 'Cancel an event and notify its guests.', { eventId: 'The event.' }, [
      'eventId',
    ]),
  ],
}

const MAIL: Server = {
  namespace: 'mail',
  tools: [
    tool(
      'send_email',
      'Send an e-mail with optional attachments.',
      {
        to: ['array', 'Recipients.'],
        cc: ['array', 'Carbon copy recipients.'],
        subject: 'Subject line.',
        body: 'Plain text or HTML.',
        attachments: ['array', 'Files to attach.'],
      },
      ['to', 'subject', 'body'],
    ),
    tool('search_inbox', 'Search messages in the mailbox by sender, subject, date or label.', {
      query: 'Gmail search syntax.',
      maxResults: ['integer', 'Most messages to return.'],
    }),
    tool('get_message', 'Read one e-mail with headers and body.', { messageId: 'The message.' }, [
      'messageId',
    ]),
    tool(
      'create_draft',
      'Save a draft e-mail without sending it.',
      { to: ['array', 'Recipients.'], subject: 'Subject line.', body: 'Text.' },
      ['subject', 'body'],
    ),
  ],
}

const CRM: Server = {
  namespace: 'crm',
  tools: [
    tool(
      'find_customer',
      'Look up customers by name, company, e-mail address or phone number.',
      { query: 'What to look for.', limit: ['integer', 'Most rows.'] },
      ['query'],
    ),
    tool(
      'update_contact',
      'Change the fields of a contact record.',
      { contactId: 'The contact.', fields: ['object', 'New values by field.'] },
      ['contactId', 'fields'],
    ),
    tool(
      'create_deal',
      'Add an opportunity to the sales pipeline.',
      {
        name: 'Name of the deal.',
        amount: ['number', 'Expected revenue.'],
        stage: 'Pipeline stage.',
      },
      ['name'],
    ),
    tool('log_activity', 'Record a phone call, meeting or note on the timeline of an account.', {
      accountId: 'The account.',
      kind: 'call, meeting or note.',
      text: 'What was said.',
    }),
  ],
}

const DATABASE: Server = {
  namespace: 'postgres',
  tools: [
    tool(
      'query',
      'Run a read-only SQL query against the database.',
      { sql: 'A SELECT statement.' },
      ['sql'],
    ),
    tool('list_tables', 'List all tables in a schema with their row counts.', {
      schema: 'Default: public.',
    }),
    tool(
      'describe_table',
      'Show columns, types, indexes and foreign keys of a table.',
      { table: 'Name of the table.' },
      ['table'],
    ),
    tool(
      'explain_query',
      'Show the execution plan of a statement, to find out why it is slow.',
      { sql: 'The statement.', analyze: ['boolean', 'Run it for real.'] },
      ['sql'],
    ),
  ],
}

const CLUSTER: Server = {
  namespace: 'k8s',
  tools: [
    tool('pods_list', 'List pods in a Kubernetes namespace or in all namespaces.', {
      namespace: 'Default: all.',
      labelSelector: 'Label selector.',
    }),
    tool(
      'pods_log',
      'Get the logs of a container in a pod.',
      {
        name: 'The pod.',
        container: 'The container.',
        tailLines: ['integer', 'Lines from the end.'],
      },
      ['name'],
    ),
    tool(
      'deployments_scale',
      'Set the number of replicas of a deployment.',
      { name: 'The deployment.', replicas: ['integer', 'How many.'] },
      ['name', 'replicas'],
    ),
    tool('pods_delete', 'Delete a pod; its controller starts another one.', { name: 'The pod.' }, [
      'name',
    ]),
    tool('nodes_top', 'Show CPU and memory usage of the nodes of the cluster.', {}),
  ],
}

const JIRA: Server = {
  namespace: 'jira',
  tools: [
    tool(
      'jira_create_issue',
      'Create a Jira ticket of some type in a project.',
      {
        projectKey: 'Key of the project, like OPS.',
        issueType: 'Bug, Task, Story.',
        summary: 'One line.',
        description: 'Longer text.',
      },
      ['projectKey', 'issueType', 'summary'],
    ),
    tool(
      'jira_search',
      'Search tickets with JQL.',
      { jql: 'The JQL expression.', maxResults: ['integer', 'Most tickets.'] },
      ['jql'],
    ),
    tool(
      'jira_transition_issue',
      'Move a ticket to another status of its workflow, such as In Progress or Done.',
      { issueKey: 'Key of the ticket.', transition: 'Name of the transition.' },
      ['issueKey', 'transition'],
    ),
    tool(
      'jira_add_worklog',
      'Log time spent on a ticket.',
      { issueKey: 'Key of the ticket.', timeSpent: 'Like 1h 30m.' },
      ['issueKey', 'timeSpent'],
    ),
  ],
}

const PAYMENTS: Server = {
  namespace: 'stripe',
  tools: [
    tool(
      'create_refund',
      'Refund a payment intent, in full or in part.',
      { payment_intent: 'The payment.', amount: ['integer', 'In cents; default all.'] },
      ['payment_intent'],
    ),
    tool('list_invoices', 'List invoices of a customer.', {
      customer: 'The customer.',
      limit: ['integer', 'Most invoices.'],
    }),
    tool(
      'create_payment_link',
      'Create a link customers can pay at.',
      { price: 'The price.', quantity: ['integer', 'How many.'] },
      ['price', 'quantity'],
    ),
    tool(
      'cancel_subscription',
      'Cancel the subscription of a customer, now or at the end of the period.',
      { subscription: 'The subscription.' },
      ['subscription'],
    ),
    tool('retrieve_balance', 'Get the current balance of the account, available and pending.', {}),
  ],
}

const WEB: Server = {
  namespace: 'web',
  tools: [
    tool(
      'fetchURL',
      'Fetch a web page and extract its contents as Markdown.',
      { url: 'Address of the page.', max_length: ['integer', 'Most characters.'] },
      ['url'],
    ),
    tool(
      'brave_web_search',
      'Search the internet for news, articles and general information.',
      { query: 'Search terms.', count: ['integer', 'Results, 1 to 20.'] },
      ['query'],
    ),
    tool('browser_take_screenshot', 'Take a picture of the current browser page.', {
      fullPage: ['boolean', 'Also what is below the fold.'],
    }),
    tool(
      'browser_click',
      'Click an element on the page.',
      { ref: 'The element, from the snapshot.' },
      ['ref'],
    ),
    tool(
      'browser_fill_form',
      'Type values into the fields of a form.',
      { fields: ['array', 'Fields and values.'] },
      ['fields'],
    ),
  ],
}

const OTHERS: readonly Server[] = [
  {
    namespace: 'weather',
    tools: [
      tool(
        'get_forecast',
        'Weather forecast for a place, hourly or daily: temperature, rain, wind.',
        { latitude: ['number', 'Degrees north.'], longitude: ['number', 'Degrees east.'] },
        ['latitude', 'longitude'],
      ),
      tool('get_alerts', 'Active severe weather warnings for a state.', { state: 'Two letters.' }, [
        'state',
      ]),
    ],
  },
  {
    namespace: 'maps',
    tools: [
      tool(
        'geocode',
        'Convert an address into geographic coordinates.',
        { address: 'The address.' },
        ['address'],
      ),
      tool(
        'directions',
        'Route between two places by car, bicycle, on foot or by public transport.',
        { origin: 'From.', destination: 'To.', mode: 'driving, walking, bicycling or transit.' },
        ['origin', 'destination'],
      ),
    ],
  },
  {
    namespace: 'memory',
    tools: [
      tool(
        'create_entities',
        'Create multiple new entities in the knowledge graph.',
        { entities: ['array', 'Name, type and observations of each.'] },
        ['entities'],
      ),
      tool(
        'search_nodes',
        'Search for nodes in the knowledge graph that were remembered earlier.',
        { query: 'Matched against names, types and observations.' },
        ['query'],
      ),
    ],
  },
  {
    namespace: 'storage',
    tools: [
      tool(
        's3_put_object',
        'Upload an object to an S3 bucket.',
        { bucket: 'The bucket.', key: 'The key.', body: 'Base64.' },
        ['bucket', 'key', 'body'],
      ),
      tool(
        's3_presign_url',
        'Make a temporary download link for an object.',
        { bucket: 'The bucket.', key: 'The key.', expiresIn: ['integer', 'Seconds.'] },
        ['bucket', 'key'],
      ),
    ],
  },
]

export const SERVERS: readonly Server[] = [
  FILES,
  GITHUB,
  SLACK,
  CALENDAR,
  MAIL,
  CRM,
  DATABASE,
  CLUSTER,
  JIRA,
  PAYMENTS,
  WEB,
  ...OTHERS,
]

/** What somebody asks for, and the tools that do it. */
export interface Labelled {
  readonly query: string
  readonly expected: readonly string[]
}

function asks(query: string, ...expected: readonly string[]): Labelled {
  return { query, expected }
}

export const QUERIES: readonly Labelled[] = [
  asks('read a file', 'docs__read_text_file'),
  asks('show the first lines of a text file', 'docs__read_text_file'),
  asks('rename a file', 'docs__move_file'),
  asks('what is in this folder, list directory contents', 'docs__list_directory'),
  asks('overwrite file with new content', 'docs__write_file'),
  asks('file size and permissions', 'docs__get_file_info'),
  asks('replace some lines in a file', 'docs__edit_file'),
  asks('find files by glob pattern', 'docs__search_files'),
  asks('open an issue on GitHub', 'github__create_issue'),
  asks('merge PR pull request squash', 'github__merge_pull_request'),
  asks('why did the CI build fail', 'github__get_workflow_run_logs'),
  asks('comment on a pull request', 'github__add_issue_comment'),
  asks('search source code in repositories', 'github__search_code'),
  asks('new git branch', 'github__create_branch'),
  asks('send a Slack message to a channel', 'slack__postMessage'),
  asks('read recent messages in a slack channel', 'slack__getChannelHistory'),
  asks('emoji reaction', 'slack__addReaction'),
  asks('schedule a meeting with invitees', 'calendar__create_event', 'calendar__find_free_slots'),
  asks('when are Alice and Bob both available', 'calendar__find_free_slots'),
  asks('cancel a calendar event', 'calendar__delete_event'),
  asks('upcoming appointments and events this week', 'calendar__list_events'),
  asks('send email with attachment', 'mail__send_email'),
  asks('search my mailbox for messages from a sender', 'mail__search_inbox'),
  asks('draft an e-mail', 'mail__create_draft'),
  asks('look up a customer by phone number', 'crm__find_customer'),
  asks('note a phone call with a client account', 'crm__log_activity'),
  asks('run SQL', 'postgres__query'),
  asks('columns of a database table', 'postgres__describe_table'),
  asks('slow query execution plan', 'postgres__explain_query'),
  asks('kubernetes pod logs', 'k8s__pods_log'),
  asks('scale deployment to 5 replicas', 'k8s__deployments_scale'),
  asks('cluster memory and cpu usage', 'k8s__nodes_top'),
  asks('create jira ticket bug', 'jira__jira_create_issue'),
  asks('mark ticket as done', 'jira__jira_transition_issue'),
  asks('log hours spent on a ticket', 'jira__jira_add_worklog'),
  asks('refund a customer payment', 'stripe__create_refund'),
  asks('invoices for a customer', 'stripe__list_invoices'),
  asks('stop a subscription', 'stripe__cancel_subscription'),
  asks('download web page as markdown', 'web__fetchURL'),
  asks('search the web for news', 'web__brave_web_search'),
  asks('take screenshots of a website', 'web__browser_take_screenshot'),
  asks('will it rain tomorrow, weather forecast', 'weather__get_forecast'),
  asks('address to latitude and longitude coordinates', 'maps__geocode'),
  asks('driving directions between two cities', 'maps__directions'),
  asks('upload object to s3 bucket', 'storage__s3_put_object'),
  asks('temporary download link', 'storage__s3_presign_url'),
  asks('remember facts in the knowledge graph', 'memory__create_entities', 'memory__search_nodes'),
  asks('screnshot', 'web__browser_take_screenshot'),
  asks('undo a charge', 'stripe__create_refund'),
  asks('ping the team on Slack that the release is out', 'slack__postMessage'),
  asks("what's the temperature in Berlin", 'weather__get_forecast'),
  asks('restart a pod', 'k8s__pods_delete'),
  asks('how do I get from the office to the station by bike', 'maps__directions'),
  asks('how many rows are in each table', 'postgres__list_tables'),
  asks('file a bug report', 'jira__jira_create_issue', 'github__create_issue'),
  asks('move OPS-123 to In Progress', 'jira__jira_transition_issue'),
  asks('notify finance by mail with the PDF attached', 'mail__send_email'),
  asks('storm warning', 'weather__get_alerts'),
  asks('copy a repository into our organization', 'github__fork_repository'),
  asks('how much money do we have', 'stripe__retrieve_balance'),
  asks('fix the phone number of a contact', 'crm__update_contact'),
  asks('new sales opportunity', 'crm__create_deal'),
  asks('githubCreateIssue', 'github__create_issue'),
  asks('docs__read_text_file', 'docs__read_text_file'),
]
