package so.suna.queuemetrics.http;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.regex.Pattern;

/** The token of {@code Authorization: Bearer TOKEN}. Never printed. Immutable. */
public final class BearerToken {

  /** {@code b64token} of RFC 6750, section 2.1: what can stand in the header. */
  private static final Pattern ALLOWED = Pattern.compile("[A-Za-z0-9._~+/-]+=*");

  private static final String SCHEME = "Bearer ";

  private final byte[] token;

  /**
   * @throws IllegalArgumentException if no caller could send it
   */
  public BearerToken(String token) {
    if (!ALLOWED.matcher(token).matches()) {
      throw new IllegalArgumentException("token must match " + ALLOWED);
    }
    this.token = token.getBytes(StandardCharsets.US_ASCII);
  }

  /** Takes as long for a token that is nearly right as for any other. */
  boolean isShownBy(String authorization) {
    boolean bearer = authorization.regionMatches(true, 0, SCHEME, 0, SCHEME.length());
    String shown = bearer ? authorization.substring(SCHEME.length()).strip() : "";
    return MessageDigest.isEqual(token, shown.getBytes(StandardCharsets.UTF_8));
  }
}
