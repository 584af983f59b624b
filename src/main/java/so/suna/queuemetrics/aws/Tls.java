package so.suna.queuemetrics.aws;

import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.util.Collections;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSessionContext;

/** The JDK's TLS, which all connections of a function share. */
public final class Tls {

  private Tls() {}

  /**
   * Loads the trust store and makes the first message of a handshake, which nobody gets. So both
   * happen while the function starts, when Lambda lends it a whole processor, and not in the first
   * tick.
   */
  public static void prepare() {
    try {
      SSLEngine handshake = context().createSSLEngine("localhost", 443);
      handshake.setUseClientMode(true);
      int size = handshake.getSession().getPacketBufferSize();
      handshake.wrap(ByteBuffer.allocate(0), ByteBuffer.allocate(size));
    } catch (SSLException e) {
      throw new IllegalStateException("TLS cannot be used: " + e.getMessage(), e);
    }
  }

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
