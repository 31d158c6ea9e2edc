import type { Authenticated } from '../../core/stages.ts'
import type { Catalogue } from '../catalogue.ts'
import { isUsable, writeViewItem } from '../view.ts'
import { describeWish } from './own-arguments.ts'

/**
 * The definitions of tools, each as the caller's list would have it. What is hidden is as unknown as what never was.
 *
 * @throws WrongArguments
 */
export async function describeTools(
  { catalogue }: { readonly catalogue: Pick<Catalogue, 'seen' | 'refresh'> },
  call: Authenticated,
): Promise<string> {
  const { caller, request } = call.received
  const names = describeWish(request)
  const waiting = catalogue.refresh(call, 'tool')
  if (waiting !== undefined) await waiting
  const { view, sight } = catalogue.seen(call, 'tool')
  const dialect = { ...caller, federated: caller.capabilities.federation !== undefined }
  const texts: string[] = []
  const unknown: string[] = []
  for (const name of names) {
    const item = view.byName.get(name)
    const isSeen =
      item !== undefined && isUsable(item.entry, caller) && sight?.sees(item.entry) !== false
    if (isSeen) texts.push(writeViewItem(item, dialect).toString('utf8'))
    else unknown.push(name)
  }
  return `{"tools":[${texts.join(',')}],"unknown":${JSON.stringify(unknown)}}`
}
