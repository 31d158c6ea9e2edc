import type { OAuthRequest, OAuthResponse, OAuthService } from '../core/authentication.ts'

/** Several services behind one door: the first that owns a path serves it. */
export class OAuthRoutes implements OAuthService {
  readonly maxBodyBytes: number
  readonly #services: readonly OAuthService[]

  constructor(services: readonly OAuthService[]) {
    this.#services = services
    this.maxBodyBytes = Math.max(...services.map(({ maxBodyBytes }) => maxBodyBytes))
  }

  owns(path: string): boolean {
    return this.#services.some((service) => service.owns(path))
  }

  async serve(request: OAuthRequest): Promise<OAuthResponse> {
    const service = this.#services.find((one) => one.owns(request.path))
    return service?.serve(request) ?? { status: 404, headers: [], body: '' }
  }
}
