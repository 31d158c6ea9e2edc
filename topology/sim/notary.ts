import type { NodeRecord } from '../record.ts'
import type { OpenRecord, SealRecord, SignedRecord } from '../signed-record.ts'

/**
 * Signatures without mathematics: a text is good if this notary wrote it, for the node it is of. Real signatures would be
 * most of the work of a simulation, and this repeats byte by byte.
 */
export class Notary {
  readonly #written = new Map<string, SignedRecord>()

  readonly seal: SealRecord = (record) => this.#write(record, '')
  readonly open: OpenRecord = (text) => this.#written.get(text)

  /** Another text of the same version, as a node with two minds would sign it. */
  twin(record: NodeRecord): SignedRecord {
    return this.#write(record, '~')
  }

  /** What somebody makes up who does not have the key. */
  forge({ id, inc, seq }: NodeRecord): string {
    return `forged ${id} ${inc} ${seq}`
  }

  /** Lets go of what no node holds any more. @param isHeld whether somebody still has the text */
  forget(isHeld: (text: string) => boolean): void {
    for (const text of this.#written.keys()) if (!isHeld(text)) this.#written.delete(text)
  }

  #write(record: NodeRecord, mark: string): SignedRecord {
    const text = `${record.id} ${record.inc} ${record.seq}${mark}`
    const signed = { record, text, digest: text }
    this.#written.set(text, signed)
    return signed
  }
}
