package so.suna.queuemetrics.aws;

import java.security.GeneralSecurityException;
import java.util.Collections;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSessionContext;

/** The JDK's TLS, which all connections of a function share. */
public final class Tls {

  private Tls() {}

  /**
   * Makes the next connection to each server negotiate from the start. Every resumed session is
   * held by the one before it, and the first one is kept for a day: a tick would leave two.
   */
  public static void forgetSessions() {
    forget(context().getClientSessionContext());
  }

  static void forget(SSLSessionContext sessions) {
    for (byte[] id : Collections.list(sessions.getIds())) {
      Optional.ofNullable(sessions.getSession(id)).ifPresent(SSLSession::invalidate);
    }
  }

  private static SSLContext context() {
    try {
      return SSLContext.getDefault();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("TLS cannot be used: " + e.getMessage(), e);
    }
  }
}
