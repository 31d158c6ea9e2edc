import { Fault } from '../../protocol/errors.ts'
import { writeNotification, writeResult } from '../../protocol/hop-response.ts'
import { isObject, type JsonObject, type RpcId } from '../../protocol/jsonrpc.ts'
import { META } from '../../protocol/meta.ts'
import type { Received } from '../core/stages.ts'
import type { MethodParts } from './methods.ts'

/**
 * Serves `subscriptions/listen` (MCP 2026-07-28, patterns/subscriptions): the acknowledgement first, with what is
 * honoured, then one notification for each change, until the caller leaves or the node closes.
 *
 * @throws Fault `invalid_params`, `overloaded`
 */
export function listen(parts: MethodParts, received: Received): void {
  const { request, reply, scope, endpoint } = received
  const notifications = request.param('notifications')
  if (!isObject(notifications)) {
    throw new Fault('invalid_params', 'params.notifications must be an object')
  }
  if (!parts.hasRoom()) throw new Fault('overloaded', 'this node has no stream to spare')
  const tools = notifications['toolsListChanged'] === true
  const tagged = (method: string, params: JsonObject = {}): Buffer =>
    writeNotification(method, { ...params, _meta: { [META.subscriptionId]: request.id } })
  reply.notify(
    tagged('notifications/subscriptions/acknowledged', {
      notifications: tools ? { toolsListChanged: true } : {},
    }),
  )
  const stop = tools
    ? parts.serving.watch(endpoint, () => {
        reply.notify(tagged('notifications/tools/list_changed'))
      })
    : () => undefined
  parts.listens.add(scope)
  scope.onEnd((reason) => {
    parts.listens.delete(scope)
    stop()
    if (reason?.code === 'shutting_down') reply.finish([ended(request.id, parts.serverInfo)])
  })
}

function ended(id: RpcId, serverInfo: string): Buffer {
  const meta = `"_meta":{"${META.subscriptionId}":${JSON.stringify(id)},"${META.serverInfo}":${serverInfo}}`
  return writeResult(id, `{"resultType":"complete",${meta}}`)
}
